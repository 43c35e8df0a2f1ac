"""Random schemas with every construct of FlatBuffers, and C++ that calls the writers of each.

What is here knows the language of schemas and the names of emitted accessors. It shares no code
with the generator that is tested: bounds are worked out once more.
"""
