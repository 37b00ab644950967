"""`gluon-hash compare` in a checkout."""

import _checkout

_checkout.run("compare")
