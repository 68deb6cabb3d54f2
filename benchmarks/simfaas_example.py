"""The example of SimFaaS's README, run by an environment that has SimFaaS: `simfaas_example.py RATE WARM COLD KEEP UNTIL`."""

import json
import sys
import time

import numpy as np
from simfaas.ServerlessSimulator import ServerlessSimulator


def main() -> None:
    """Run it; print its requests, and the processor time that they took."""
    rate, warm_s, cold_s, keep_alive_s, until_s = (float(one) for one in sys.argv[1:])
    np.random.seed(1)
    simulator = ServerlessSimulator(
        arrival_rate=rate,
        warm_service_rate=1 / warm_s,
        cold_service_rate=1 / cold_s,
        expiration_threshold=keep_alive_s,
        max_time=until_s,
        maximum_concurrency=10**9,
    )
    begin = time.process_time()
    simulator.generate_trace(debug_print=False, progress=False)
    took_s = time.process_time() - begin
    print(json.dumps({"requests": simulator.total_req_count, "took_s": took_s, "instances": simulator.server_count}))


if __name__ == "__main__":
    main()
