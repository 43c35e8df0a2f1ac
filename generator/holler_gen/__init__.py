"""Holler's generator: FlatBuffers schemas in, typed topics in C++ out.

    schema.py    .bfbs -> frozen model; with bfbs.py the only file that knows the format
    source.py    where in the text of a .fbs something is declared, for error messages
    layout.py    model -> offsets, sizes, fingerprint; pure functions
    problems.py  messages of errors, with file and line
    check.py     every rule a schema can break, and every message a user can get
    names.py     names of a schema in C++, as flatc makes them
    comment.py   comments of a schema in C++
    render.py    topics and layouts -> text, through templates/*.j2
    flatc.py     drives the FlatBuffers compiler
    output.py    puts files in place, all or none
    cli.py       the command
"""
