"""Serves moto, an emulation of AWS in memory, on a free port of 127.0.0.1 until its parent process
ends.

Prints the port as its only line on standard output. moto evaluates the condition of a conditional write without a lock, so
two simultaneous writes can both succeed; DynamoDB never allows that. The server therefore handles one request at a time.
"""

import os
import sys
import threading
import time

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server


def serialized(app):
    """`app` as a WSGI application that handles one request at a time."""
    lock = threading.Lock()

    def handle(environ, start_response):
        with lock:
            return list(app(environ, start_response))

    return handle


def exit_with_parent(parent):
    """Ends this process within 200 ms of the end of the process `parent`."""
    while os.getppid() == parent:
        time.sleep(0.2)
    os._exit(0)


def main():
    threading.Thread(target=exit_with_parent, args=(os.getppid(),), daemon=True).start()
    app = serialized(DomainDispatcherApplication(create_backend_app))
    server = make_server("127.0.0.1", 0, app, threaded=True)
    print(server.server_port, flush=True)
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what moto prints goes to the log
    server.serve_forever()


if __name__ == "__main__":
    main()
