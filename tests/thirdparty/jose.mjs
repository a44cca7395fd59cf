// npm's jose, a request a line on stdin and an answer a line on stdout, both JSON:
//   {"do": "verify", "token", "key" or "jwks", "options"}  -> {"header", "payload"} or {"error"}
//   {"do": "sign", "key", "header", "payload"}             -> {"token"} or {"error"}
// A key is a JWK.
import { createInterface } from "node:readline";
import * as jose from "jose";

async function verify({ token, key, jwks, options }) {
	const found = jwks ? jose.createLocalJWKSet(jwks) : await jose.importJWK(key, options.algorithms[0]);
	const { protectedHeader, payload } = await jose.jwtVerify(token, found, options);
	return { header: protectedHeader, payload };
}

async function sign({ key, header, payload }) {
	const imported = await jose.importJWK(key, header.alg);
	return { token: await new jose.SignJWT(payload).setProtectedHeader(header).sign(imported) };
}

for await (const line of createInterface({ input: process.stdin })) {
	const request = JSON.parse(line);
	let answer;
	try {
		answer = await { verify, sign }[request.do](request);
	} catch (error) {
		answer = { error: error.code ?? String(error) };
	}
	process.stdout.write(JSON.stringify(answer) + "\n");
}
