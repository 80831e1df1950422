// SPDX-FileCopyrightText: the umbel authors
// SPDX-License-Identifier: MIT
//
// umbel over HTTP in Node, with nothing but its own http module:
//
//	node gateway_client.js SOCKET publish TOPIC TEXT
//	node gateway_client.js SOCKET request TOPIC TEXT
//	node gateway_client.js SOCKET subscribe FILTER	(a line of JSON for each message)

'use strict';
const http = require('http');

const [socketPath, verb, name, text] = process.argv.slice(2);

function ask(method, path, body, onAnswer) {
	const request = http.request({ socketPath, method, path }, onAnswer);
	request.on('error', (error) => {
		console.error(error.message);
		process.exit(1);
	});
	request.end(body);
}

function printWhole(answer) {
	let whole = '';
	answer.setEncoding('utf8');
	answer.on('data', (part) => { whole += part; });
	answer.on('end', () => console.log(`${answer.statusCode} ${whole.trim()}`));
}

// Events end with an empty line; those without data are comments.
function printEvents(answer) {
	let rest = '';
	console.log(`${answer.statusCode} ready`);
	answer.setEncoding('utf8');
	answer.on('data', (part) => {
		const events = (rest + part).split('\n\n');
		rest = events.pop();
		for (const event of events) {
			const data = event.split('\n').find((line) => line.startsWith('data: '));
			if (data)
				console.log(data.slice(6));
		}
	});
}

const encoded = encodeURIComponent(name);
if (verb === 'publish')
	ask('POST', `/topics/${encoded}`, text, printWhole);
else if (verb === 'request')
	ask('POST', `/requests/${encoded}`, text, printWhole);
else
	ask('GET', `/subscribe?filter=${encoded}`, undefined, printEvents);
