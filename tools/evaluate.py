"""`gluon-hash evaluate` in a checkout."""

import _checkout

_checkout.run("evaluate")
