"""`gluon-hash verify` in a checkout."""

import _checkout

_checkout.run("verify")
