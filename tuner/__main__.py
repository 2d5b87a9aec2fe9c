"""`python -m tuner`."""

from tuner.cli import entry

if __name__ == "__main__":
    entry()
