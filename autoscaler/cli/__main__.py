"""`python -m autoscaler.cli`: the same commands where no script is installed."""

from autoscaler.cli import main

if __name__ == "__main__":  # worker processes are spawned and import this again
    main()
