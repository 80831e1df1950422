// SPDX-FileCopyrightText: the umbel authors
// SPDX-License-Identifier: MIT

// umbel over HTTP in Go, with nothing but its own net/http:
//
//	gateway_client SOCKET publish TOPIC TEXT
//	gateway_client SOCKET request TOPIC TEXT
//	gateway_client SOCKET subscribe FILTER	(a line of JSON for each message)
package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
)

func dialer(path string) *http.Client {
	return &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", path)
		},
	}}
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func post(client *http.Client, address, text string) {
	answer, err := client.Post(address, "text/plain", strings.NewReader(text))
	check(err)
	whole, err := io.ReadAll(answer.Body)
	check(err)
	fmt.Println(answer.StatusCode, strings.TrimSpace(string(whole)))
}

func subscribe(client *http.Client, address string) {
	answer, err := client.Get(address)
	check(err)
	fmt.Println(answer.StatusCode, "ready")
	lines := bufio.NewScanner(answer.Body)
	lines.Buffer(nil, 8<<20)
	for lines.Scan() {
		if strings.HasPrefix(lines.Text(), "data: ") {
			fmt.Println(lines.Text()[6:])
		}
	}
}

func main() {
	client, name := dialer(os.Args[1]), url.PathEscape(os.Args[3])
	switch os.Args[2] {
	case "publish":
		post(client, "http://umbel/topics/"+name, os.Args[4])
	case "request":
		post(client, "http://umbel/requests/"+name, os.Args[4])
	default:
		subscribe(client, "http://umbel/subscribe?filter="+url.QueryEscape(os.Args[3]))
	}
}
