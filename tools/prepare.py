"""`gluon-hash prepare` in a checkout."""

import _checkout

_checkout.run("prepare")
