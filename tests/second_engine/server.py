"""Serves a second DynamoDB engine on a free port of 127.0.0.1 until its parent process ends:
`server.py moto` or `server.py ministack`.

Prints the port as its only line on standard output.
"""

import asyncio
import os
import socket
import sys
import threading
import time


def exit_with_parent(parent):
    """Ends this process within 200 ms of the end of the process `parent`."""
    while os.getppid() == parent:
        time.sleep(0.2)
    os._exit(0)


def announce(port):
    print(port, flush=True)
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what the engine prints goes to the log


def serialized(app):
    """`app` as a WSGI application that handles one request at a time."""
    lock = threading.Lock()

    def handle(environ, start_response):
        with lock:
            return list(app(environ, start_response))

    return handle


def serve_moto(listener):
    """moto evaluates the condition of a conditional write without a lock, so two simultaneous
    writes can both succeed; DynamoDB never allows that. It therefore gets one request at a time.
    """
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
    from werkzeug.serving import make_server

    host, port = listener.getsockname()
    app = serialized(DomainDispatcherApplication(create_backend_app))
    server = make_server(host, port, app, threaded=True, fd=listener.fileno())
    announce(port)
    server.serve_forever()


def serve_ministack(listener):
    """ministack handles a request to DynamoDB in one step of its event loop: one at a time."""
    port = listener.getsockname()[1]
    # Read on import. Otherwise ministack also listens on the fixed port of MQTT.
    os.environ.update(
        GATEWAY_PORT=str(port), SERVICES="dynamodb", IOT_MTLS_ENABLED="0", LOG_LEVEL="WARNING"
    )

    from hypercorn.asyncio import serve
    from hypercorn.config import Config
    from ministack.app import app

    config = Config()
    config.bind = [f"fd://{listener.fileno()}"]
    announce(port)
    asyncio.run(serve(app, config))


def main():
    threading.Thread(target=exit_with_parent, args=(os.getppid(),), daemon=True).start()
    serve = {"moto": serve_moto, "ministack": serve_ministack}[sys.argv[1]]
    with socket.create_server(("127.0.0.1", 0), backlog=128) as listener:
        serve(listener)


if __name__ == "__main__":
    main()
