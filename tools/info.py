"""`gluon-hash info` in a checkout."""

import _checkout

_checkout.run("info")
