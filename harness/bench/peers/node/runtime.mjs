// The Lambda Runtime API for the handler named as `_HANDLER` does, such as `function.bare`.
//
// It stands for `aws-lambda-ric`, which needs a later Node and a compiler: it costs less than that.

import http from "node:http";

const [file, name] = process.argv[2].split(".");
const handler = (await import(`./${file}.mjs`))[name];
// The host and port, and in the harness a path that is not guessable.
const api = new URL(`http://${process.env.AWS_LAMBDA_RUNTIME_API.replace(/^http:\/\//, "")}`);
const invocations = `${api.pathname.replace(/\/$/, "")}/2018-06-01/runtime/invocation`;
const agent = new http.Agent({ keepAlive: true });

function request(method, path, body) {
  return new Promise((resolve, reject) => {
    const { hostname: host, port } = api;
    const options = { host, port, agent, method, path: `${invocations}/${path}` };
    const sent = http.request(options, (response) => {
      const chunks = [];
      response.on("data", (chunk) => chunks.push(chunk));
      response.on("end", () => resolve([response.headers, Buffer.concat(chunks)]));
    });
    sent.on("error", reject);
    sent.end(body);
  });
}

for (;;) {
  const [headers, event] = await request("GET", "next");
  const id = headers["lambda-runtime-aws-request-id"];
  try {
    const context = { awsRequestId: id, functionName: "sync", memoryLimitInMB: "128" };
    const response = await handler(JSON.parse(event), context);
    await request("POST", `${id}/response`, JSON.stringify(response));
  } catch (error) {
    console.error(error);
    const failure = { errorType: error.name, errorMessage: error.message };
    await request("POST", `${id}/error`, JSON.stringify(failure));
  }
}
