"""Tasks whose answers quote their prompt: a copy, a correction, a change to a program, a summary in quotations."""

TEXT = """The ferry to the island left at six, and by seven the harbour was out of sight. Anna had brought a book \
about tides, two oranges and the letter that the notary had sent. The house had stood empty for nine years. Its roof \
was sound, the notary wrote, but the chimney was not, and the garden belonged to the rabbits. She read the \
letter again while the engine drummed under the deck. An old man in a blue coat asked whether she was the new \
teacher. She said that she was only the granddaughter of the last one. He nodded as if that were a profession. \
When the island came up, grey and long like a sleeping dog, he pointed at a white wall above the beach. "That is \
where the swallows come back first," he said. "Your grandmother wrote down the day every year." Anna found the \
lists that evening, in a drawer, with the last nine years missing."""

MISTAKES = TEXT.replace("harbour", "harbuor").replace("garden", "gardne").replace("beach", "baech")

PROGRAM = """def total(prices, taxes):
    result = 0
    for price, tax in zip(prices, taxes):
        if price < 0:
            raise ValueError("a price is below zero")
        result += price * (1 + tax)
    return round(result, 2)


def report(orders):
    lines = []
    for order in orders:
        amount = total(order.prices, order.taxes)
        lines.append(f"{order.name}: {amount} euros")
    return "\\n".join(lines)
"""

QUOTING = (
    f"Give back this text, word for word:\n\n{TEXT}",
    f"Correct the spelling mistakes in this text and give back all of it:\n\n{MISTAKES}",
    f"Here is a program:\n\n```python\n{PROGRAM}```\n\nGive it back with a comment above each function.",
    f"Summarise this text in three sentences that are quoted from it:\n\n{TEXT}",
)
