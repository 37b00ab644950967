"""`gluon-hash merge` in a checkout."""

import _checkout

_checkout.run("merge")
