"""R1: a server that is killed."""

import random
import statistics
import time

from tests.charter.figures import LONG, Figures
from tests.charter.writers import complaints, judge, writing
from tests.flows.server import Server

KILLS = 100 if LONG else 5
WRITERS = 8
FIRST_ACK_S_MAX = 3


def test_an_acknowledged_point_is_never_lost_or_doubled_when_the_server_is_killed(
    server: Server, figures: Figures, chance: random.Random
) -> None:
    starts: list[float] = []
    with writing(server, WRITERS) as writers:
        for _ in range(KILLS):
            time.sleep(chance.uniform(0.2, 0.8))
            server.kill()
            starts.append(time.monotonic())
            server.start()
        time.sleep(0.3)
    figures.cases = KILLS
    judge(server, writers, figures)
    assert sum(writer.repeats for writer in writers) > 0, "no kill met a writer"
    acks = sorted(at for writer in writers for at in writer.acknowledged.values())
    waits = [min(at for at in acks if at > start) - start for start in starts]
    median = statistics.median(waits)
    figures.record("first ack after start, median s", median, at_most=FIRST_ACK_S_MAX, firm=False)
    server.stop()
    figures.record("complaints of integrity_check", complaints(server).total(), at_most=0)
