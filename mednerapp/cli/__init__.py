"""The command line: `main` holds the commands of the loop; each further group of commands has its own file."""
