"""Reading one organization's streams of Salesloft records: what each is, and one turn through those that are due.

* :mod:`producers.streams.readers`: each stream's list at Salesloft, and what takes its pages in.
* :mod:`producers.streams.pages`: one page, taken in within one transaction that also moves the cursor.
* :mod:`producers.streams.hinted`: records that a webhook has told of, read beside the cursor.
* :mod:`producers.streams.by_ids`: records of a stream by their ids.
* :mod:`producers.streams.owing`: records that could not be taken in, read again.
* :mod:`producers.streams.reconciling`: what we hold and what the cursors passed over, compared once a night.
* :mod:`producers.streams.turn`: one turn through an organization's streams.
"""
