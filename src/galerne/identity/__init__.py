"""Who asks: organisations, workspaces, users, keys, roles. Knows neither HTTP nor SQL."""
