"""What native replies would change in the link model if nothing checked that it finds more of them then."""

from collections.abc import Iterable

from tuner.linking import calibrate
from tuner.linking.calibrate import Calibrator
from tuner.linking.calibration import Calibration
from tuner.linking.linker import Weights
from tuner.models import Message


def fitted_at_any_price(channels: Iterable[Iterable[Message]]) -> Calibration:
    calibrator = Calibrator(Weights.shipped())
    for messages in channels:
        for message in messages:
            calibrator.add(message)
        calibrator.end_channel()
    seen = sorted(calibrator._replies, key=lambda reply: reply.id)
    return calibrate._fitted(calibrate._Replies.of(seen))
