"""`gluon-hash extend` in a checkout."""

import _checkout

_checkout.run("extend")
