"""The event loop example: a listener that is told of everything that happens to its ticker."""

from __future__ import annotations

import os
import signal
import unittest
from pathlib import Path

from processes import Process, environment

DIRECTORY = Path(os.environ["EVENT_LOOP_DIR"])
TICKER = DIRECTORY / "loop_ticker"
LISTENER = DIRECTORY / "loop_listener"


class EventLoopTest(unittest.TestCase):
    def test_the_life_of_a_ticker(self) -> None:
        env = environment()
        with Process(LISTENER, env=env) as listener:
            listener.wait_for_text("tickers: 0")
            listener.wait_for_text("no ticks: there is no ticker")
            with Process(TICKER, env=env) as ticker:
                listener.wait_for_text("tickers: 1")
                listener.wait_for_text("ticks again")
                listener.wait_for_text("tick 3")

                ticker.send(signal.SIGSTOP)
                listener.wait_for_text("no ticks: the ticker is stopped")
                seen = len(listener.lines)
                ticker.send(signal.SIGCONT)
                listener.wait_for_text("ticks again", after=seen)
                listener.wait_for_text("tick ", after=seen + 1)

                seen = len(listener.lines)
                ticker.send(signal.SIGKILL)
                listener.wait_for_text("tickers: 0", after=seen)
                listener.wait_for_text("no ticks: there is no ticker", after=seen)
            listener.send(signal.SIGINT)
            self.assertEqual(listener.wait(), 0)
            self.assertEqual(listener.lines[-1], "ended")

    def test_signals_end_a_ticker_well(self) -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            env = environment()
            with self.subTest(signal=number), Process(LISTENER, env=env) as listener:
                with Process(TICKER, env=env) as ticker:
                    listener.wait_for_text("tick 1")
                    ticker.send(number)
                    self.assertEqual(ticker.wait(), 0, ticker.lines)


if __name__ == "__main__":
    unittest.main()
