"""`python -m taskflow` is the command."""

from taskflow.cli.main import main

if __name__ == "__main__":
    main()
