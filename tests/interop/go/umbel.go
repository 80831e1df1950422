// SPDX-FileCopyrightText: the umbel authors
// SPDX-License-Identifier: MIT

// Package umbel is a small client of umbel, written from PROTOCOL.md alone; ../README.md says more.
package umbel

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// Subscription has its messages in C. While one is full, with 4096 messages, the client reads nothing.
type Subscription struct {
	C         chan *Message
	number    uint64
	filter    string
	options   Map
	isGranted bool // on this connection: what comes before is not for it
}

// Client is one connection after the other.
type Client struct {
	Name, Path    string
	Hello         Map                              // what is asked for: overflow, will
	OnEvent       func(event string, about ...any) // must not wait; ../README.md says what comes
	links         chan *link                       // the one that may publish; who has it may change subs
	subs, waiting sync.Map                         // by number; by what the answer names: a number or topic
	next          atomic.Uint64
	leaving       context.Context
	leave         context.CancelFunc
	ended         chan bool
}

// Connect returns when there is a connection.
func (c *Client) Connect() {
	if c.OnEvent == nil {
		c.OnEvent = func(string, ...any) {}
	}
	c.links, c.ended = make(chan *link, 1), make(chan bool)
	c.leaving, c.leave = context.WithCancel(context.Background())
	go c.run()
	c.online()
}

func (c *Client) online() *link {
	l := <-c.links
	c.links <- l
	return l
}

// Publish waits for a connection and for room. That it arrived is for Flush to say.
func (c *Client) Publish(m Message) error { return c.online().publish(m) }

// Request returns the message that comes in reply, or *Error, ErrLost, os.ErrDeadlineExceeded.
func (c *Client) Request(m Message, timeout time.Duration) (*Message, error) {
	l := c.online()
	m.Reply = fmt.Sprintf("%s.%d", l.inbox, c.next.Add(1))
	defer time.AfterFunc(timeout, func() { c.settle(m.Reply, os.ErrDeadlineExceeded) }).Stop()
	return ask[*Message](c, l, m.Reply, func() error { return l.publish(m) })
}

// Flush returns when all that was published before has been routed: how many were accepted, unmatched, refused.
func (c *Client) Flush() ([]any, error) {
	l, token := c.online(), c.next.Add(1)
	return ask[[]any](c, l, token, func() error { return l.send(fPing, token) })
}

// Subscribe returns when it is granted. Options: group, retained, monitor.
func (c *Client) Subscribe(filter string, options Map) (*Subscription, error) {
	sub := &Subscription{make(chan *Message, 4096), c.next.Add(1), filter, options, false}
	l := <-c.links
	c.subs.Store(sub.number, sub)
	c.links <- l
	_, err := ask[any](c, l, sub.number, func() error { return l.subscribe(sub) })
	if err == ErrLost {
		err = nil // the next connection asks again
	}
	return sub, err
}

// Unsubscribe returns when nothing more can come, and C is closed behind what has come. Somebody has to read C meanwhile.
func (c *Client) Unsubscribe(sub *Subscription) {
	for err := ErrLost; err == ErrLost; {
		l := c.online()
		_, err = ask[any](c, l, sub.number, func() error { return l.send(fUnsubscribe, sub.number, sub.number) })
	}
}

// Close leaves in order: what was published is routed; what is on its way comes, as far as C has room; then C ends.
func (c *Client) Close() {
	c.leave()
	select {
	case l := <-c.links:
		c.links <- l
		l.send(fGoaway, "done", 0)
	default: // begin does it
	}
	<-c.ended
}

// ask sends, and waits for what settles the key.
func ask[T any](c *Client, l *link, key any, send func() error) (answer T, err error) {
	done := make(chan any, 1)
	c.waiting.Store(key, done)
	defer c.waiting.Delete(key)
	if err = send(); err == nil {
		select {
		case result := <-done:
			answer, _ = result.(T)
			err, _ = result.(error)
		case <-l.lost:
			err = ErrLost
		}
	}
	return
}

func (c *Client) settle(key, result any) bool {
	done, found := c.waiting.LoadAndDelete(key)
	if found {
		done.(chan any) <- result
	}
	return found
}

func (c *Client) run() {
	for pause := 10 * time.Millisecond; c.leaving.Err() == nil; {
		l := &link{maxFrame: 1 << 15, lost: make(chan bool)}
		err := c.converse(l)
		if close(l.lost); l.inbox != "" {
			pause = 10 * time.Millisecond
			c.OnEvent("down", err)
		}
		select {
		case <-time.After(l.delay + pause*3/4 + time.Duration(time.Now().Nanosecond())%(pause/2)): // ± 25 %
		case <-c.leaving.Done():
		}
		if pause *= 2; pause > 2*time.Second {
			pause = 2 * time.Second
		}
	}
	c.subs.Range(func(number, _ any) bool { c.end(number); return true })
	close(c.ended)
}

// converse says hello and reads to the end of the stream.
func (c *Client) converse(l *link) (err error) {
	if l.Conn, err = dial(c.Path); err != nil {
		return err
	}
	defer l.Close()
	l.send(fHello, 1, c.Name, orEmpty(c.Hello))
	var frame []any
	for reader := bufio.NewReader(l); err == nil; {
		if frame, err = Read(reader, l.maxFrame); err == nil {
			c.take(l, frame)
		}
	}
	if l.inbox != "" && !l.isEnding {
		l.Close() // begin may still be sending
		<-c.links
	}
	c.subs.Range(func(_, sub any) bool { sub.(*Subscription).isGranted = false; return true })
	return err
}

// begin asks again for the subscriptions; then others may use the connection.
func (c *Client) begin(l *link) {
	l.send(fSubscribe, 1<<32-1, 0, l.inbox+".*", Map{})
	c.subs.Range(func(_, sub any) bool { l.subscribe(sub.(*Subscription)); return true })
	if c.links <- l; c.leaving.Err() != nil {
		l.send(fGoaway, "done", 0)
	}
}

func (c *Client) take(l *link, f []any) {
	switch f[0].(uint64) {
	case fWelcome:
		limits := f[4].(Map)
		fmt.Sscan(fmt.Sprint(limits["inbox"], " ", limits["max_frame"]), &l.inbox, &l.maxFrame)
		c.OnEvent("up")
		go c.begin(l)
	case fPublish:
		m := messageOf(f)
		var result any = m
		if code := m.Headers["error"]; code != nil {
			result = &Error{code, string(m.Payload), nil}
		}
		c.settle(m.Topic, result)
		c.subs.Range(func(_, value any) bool {
			if sub := value.(*Subscription); sub.isGranted && sub.options["group"] == nil && matches(sub.filter, m.Topic) {
				c.deliver(sub, m)
			}
			return true
		})
	case fDeliver:
		if sub, found := c.subs.Load(f[1]); found {
			c.deliver(sub.(*Subscription), messageOf(f[3].([]any)))
		}
	case fOK:
		if sub, found := c.subs.Load(f[1]); found && sub.(*Subscription).isGranted {
			c.end(f[1]) // it was an UNSUBSCRIBE
		} else if found {
			sub.(*Subscription).isGranted = true
		}
		c.settle(f[1], nil)
	case fError:
		c.end(f[3])
		if err := (&Error{f[1], f[2], f[5]}); !c.settle(f[3], err) && !c.settle(f[5], err) {
			c.OnEvent("error", err)
		}
	case fPing:
		go l.send(fPong, f[1])
	case fPong:
		c.settle(f[1], f[2:5])
	case fGap:
		c.OnEvent("gap", f[1:4]...)
	case fHold:
		c.OnEvent("hold", f[1:5]...)
	case fGoaway:
		l.isEnding, l.delay = true, time.Duration(f[2].(uint64))*time.Millisecond
		go func() { (<-c.links).send(fPing, 0) }()
	}
}

// deliver waits while C is full, but not when we are leaving.
func (c *Client) deliver(sub *Subscription, m *Message) {
	select {
	case sub.C <- m:
	default:
		select {
		case sub.C <- m:
		case <-c.leaving.Done():
			c.OnEvent("gap", uint64(1), uint64(len(m.Payload)), "we leave, and nobody reads "+sub.filter)
		}
	}
}

// end is for who reads: nobody else may close C.
func (c *Client) end(number any) {
	if sub, found := c.subs.LoadAndDelete(number); found {
		close(sub.(*Subscription).C)
	}
}
