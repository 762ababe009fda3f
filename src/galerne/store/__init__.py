"""The adapters of the platform's ports: tables, migrations, files. SQL is written here alone."""
