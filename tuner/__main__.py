"""`python -m tuner`."""

from tuner.cli.main import entry

if __name__ == "__main__":
    entry()
