"""`gluon-hash train` in a checkout."""

import _checkout

_checkout.run("train")
