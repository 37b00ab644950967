"""`gluon-hash index` in a checkout."""

import _checkout

_checkout.run("index")
