"""`gluon-hash check` in a checkout."""

import _checkout

_checkout.run("check")
