// SPDX-FileCopyrightText: the umbel authors
// SPDX-License-Identifier: MIT

package umbel

import (
	"bufio"
	"fmt"
	"math/rand"
	"net"
	"os"
	"time"
)

func (c *Client) run() {
	defer close(c.ended)
	for pause := 10 * time.Millisecond; ; pause *= 2 {
		conn, err := c.open()
		if err == nil {
			err = c.converse(conn)
			conn.Close()
		}
		wasUp, closing, delay := c.lost(err)
		if closing {
			return
		}
		if wasUp {
			pause = 10 * time.Millisecond
		}
		if pause > 2*time.Second {
			pause = 2 * time.Second
		}
		time.Sleep(delay + time.Duration(float64(pause)*(0.75+rand.Float64()/2)))
	}
}

func (c *Client) open() (net.Conn, error) {
	path := c.Path
	if path == "" {
		path = os.Getenv("UMBEL_SOCKET")
	}
	if path != "" {
		return net.Dial("unix", path)
	}
	if conn, err := net.Dial("unix", os.Getenv("XDG_RUNTIME_DIR")+"/umbel/umbel.sock"); err == nil {
		return conn, nil
	}
	return net.Dial("unix", "/run/umbel/umbel.sock")
}

// converse says hello, asks again for the subscriptions, and reads to the end of the stream.
func (c *Client) converse(conn net.Conn) error {
	first, err := encode(fHello, 1, c.Name, orEmpty(c.Hello))
	c.mu.Lock()
	for _, sub := range c.subs {
		first = append(first, c.request(sub, sub.done)...)
	}
	c.conn = conn
	c.writing.Lock() // HELLO is the first frame, whoever wants to send
	c.mu.Unlock()
	go func() { // reading does not wait for it
		defer c.writing.Unlock()
		conn.Write(first)
	}()
	for reader := bufio.NewReaderSize(conn, 1<<16); err == nil; {
		var body []byte
		var frame []any
		if body, err = readBody(reader, num(c.limits["max_frame"])); err == nil {
			frame, err = decode(body)
		}
		if err == nil && num(frame[0]) < 0x80 {
			c.take(conn, num(frame[0]), frame)
		}
	}
	return err
}

// lost forgets what was the connection's. Who waits for an answer on it is told.
func (c *Client) lost(why error) (wasUp, closing bool, delay time.Duration) {
	c.mu.Lock()
	unconfirmed := c.unconfirmed
	wasUp, c.hasSession, c.isUp, c.conn, c.unconfirmed = c.hasSession, false, false, nil, 0
	for _, asked := range c.requests {
		if asked.done != asked.sub.done {
			delete(c.subs, asked.sub.number) // it has ended in this way
			asked.done <- nil
		}
	}
	for _, done := range c.waiting {
		done <- ErrLost
	}
	c.requests, c.waiting = map[uint64]request{}, map[any]chan any{}
	for _, sub := range c.subs {
		sub.granted = false
	}
	closing, delay = c.closing, c.delay
	c.mu.Unlock()
	if wasUp {
		c.event("down", why, unconfirmed)
	}
	return
}

func (c *Client) take(conn net.Conn, kind uint64, frame []any) {
	switch kind {
	case fWelcome:
		c.welcome(conn, frame)
	case fPublish:
		m := message(frame, nil)
		var result any = m
		if code := m.Headers["error"]; code != nil {
			result = &Error{code, string(m.Payload), nil}
		}
		c.settle(m.Topic, result)
		c.call(m)
	case fDeliver:
		c.mu.Lock()
		sub := c.subs[num(frame[1])]
		c.mu.Unlock()
		if m := message(frame[3].([]any), frame[2]); sub != nil {
			c.later(func() { sub.handler(m) })
		}
	case fOK:
		c.granted(num(frame[1]))
	case fError:
		c.refused(&Error{frame[1], frame[2], frame[5]}, num(frame[3]))
	case fPing:
		pong, _ := encode(fPong, frame[1])
		go c.send(conn, pong)
	case fPong:
		c.mu.Lock()
		c.unconfirmed -= num(frame[2]) + num(frame[4])
		c.mu.Unlock()
		c.settle(num(frame[1]), frame[2:5])
	case fGap:
		c.event("gap", frame[1:4]...)
	case fHold:
		c.event("hold", frame[1:5]...)
	case fGoaway:
		c.mu.Lock()
		c.isUp, c.delay = false, time.Duration(num(frame[2]))*time.Millisecond
		_, ping, _ := c.ping()
		c.mu.Unlock()
		go c.send(conn, ping)
	}
}

func (c *Client) welcome(conn net.Conn, frame []any) {
	limits := frame[4].(Map)
	inbox, _ := encode(fSubscribe, 1<<32-1, 0, fmt.Sprint(limits["inbox"], ".*"), Map{})
	c.send(conn, inbox) // before any request
	c.mu.Lock()
	c.hasSession, c.limits, c.delay, c.isUp = true, limits, 0, true
	c.mu.Unlock()
	c.up.Broadcast()
	c.event("up")
}

// call calls the handlers of all subscriptions that the message is for, but for those of groups.
func (c *Client) call(m *Message) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, sub := range c.subs {
		sub := sub
		if sub.granted && sub.options["group"] == nil && matches(sub, m.Topic) {
			c.later(func() { sub.handler(m) })
		}
	}
}

func (c *Client) granted(number uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if asked, found := c.requests[number]; found {
		delete(c.requests, number)
		asked.sub.granted = asked.done == asked.sub.done
		if !asked.sub.granted {
			delete(c.subs, asked.sub.number)
		}
		asked.answer(nil)
	}
}

// refused finds who the error is for: who asked for a subscription, who waits for a reply, or onEvent.
func (c *Client) refused(err *Error, number uint64) {
	c.mu.Lock()
	asked, found := c.requests[number]
	delete(c.requests, number)
	for _, sub := range c.subs {
		if sub == asked.sub || num(err.Code) == revoked && sub.filter == err.About {
			delete(c.subs, sub.number)
		}
	}
	c.mu.Unlock()
	if !(found && asked.answer(err)) && !c.settle(err.About, err) {
		c.event("error", err)
	}
}

func (r request) answer(result any) bool {
	select {
	case r.done <- result:
		return true
	default: // it had its answer on another connection
		return false
	}
}
