"""HTTP: routes, server-sent events, the map from errors to status. Knows flows, never the engine or SQL."""
