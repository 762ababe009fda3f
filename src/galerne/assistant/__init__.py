"""Chats as trees, how they are searched, shared, exported and imported, and the files whose text goes into them.

Knows neither HTTP nor SQL: chats are kept through ports.
"""
