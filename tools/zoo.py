"""`gluon-hash zoo` in a checkout; tools/zoo_make.py makes what it lists."""

import _checkout

_checkout.run("zoo")
