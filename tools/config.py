"""`gluon-hash config` in a checkout."""

import _checkout

_checkout.run("config")
