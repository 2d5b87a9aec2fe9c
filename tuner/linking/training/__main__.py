"""`python -m tuner.linking.training --data DIR`: make the link model's weights."""

import sys

from tuner.linking.training.train import main

if __name__ == "__main__":
    sys.exit(main())
