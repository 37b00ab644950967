"""`gluon-hash fit` in a checkout."""

import _checkout

_checkout.run("fit")
