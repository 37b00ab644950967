"""`python -m gluon_hash` is `gluon-hash`."""

from gluon_hash.cli.app import main

if __name__ == "__main__":
    main()
