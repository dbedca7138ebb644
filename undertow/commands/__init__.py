"""The commands of the command line, one module each; ``undertow.cli`` gathers them. Options they share are in ``options``."""
