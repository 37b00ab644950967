"""`gluon-hash cut` in a checkout."""

import _checkout

_checkout.run("cut")
