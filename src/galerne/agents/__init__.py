"""Conversations: their entries in order, who answers in them, and one go of question and answer.

Knows neither HTTP nor SQL: threads are kept, and models asked, through ports.
"""
