"""`gluon-hash import-weights` in a checkout."""

import _checkout

_checkout.run("import-weights")
