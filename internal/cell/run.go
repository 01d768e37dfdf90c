package cell

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"cofferdam/internal/imap"
	"cofferdam/internal/ipc"
	"cofferdam/internal/jmapserver"
)

// Cell is the process's state.
type Cell struct {
	cfg        Config
	log        *slog.Logger
	people     *people
	renders    *renders
	porterLine *ipc.Line
	porter     *ipc.Client
	keeper     *ipc.Client
	courier    *ipc.Client // nil: there is none
	desks      imap.Desks  // of all connections to the mail server
	counts     *counts
	lane       *lane
}

type counts struct {
	renderFailures prometheus.Counter
}

// Run is the role: it serves gate and keeper until it is told to drain.
func Run(ctx context.Context, role *ipc.Role, log *slog.Logger, reg prometheus.Registerer) error {
	var cfg Config
	if err := ipc.Decode(role.Config, &cfg); err != nil {
		return fmt.Errorf("configuration of a cell: %w", err)
	}
	c, err := newCell(cfg, role, log)
	if err != nil {
		return err
	}
	reg.MustRegister(c.collectors()...)
	gate, err := c.gateHandler()
	if err != nil {
		return err
	}
	keeper := ipc.NewMux(log)
	ipc.Handle(keeper, ipc.CellPerson, 64<<10, ipc.CallTimeout, c.people.take)
	ipc.Handle(keeper, ipc.CellPersonEnd, 1<<20, ipc.CallTimeout, c.people.end)
	role.EachLine(func(l *ipc.Line) {
		if strings.HasPrefix(l.Name(), "render/") {
			c.renders.add(l)
		}
	})
	bg, stop := context.WithCancel(context.WithoutCancel(ctx))
	var wg sync.WaitGroup
	wg.Go(func() { _ = ipc.Serve(bg, role.Line("gate").Listener(), gate, drainTime) }) // ends when drained
	wg.Go(func() { _ = ipc.Serve(bg, role.Line("keeper").Listener(), keeper, drainTime) })
	wg.Go(func() { c.forgetIdle(bg) })
	if err := role.Ready(ctx); err != nil {
		stop()
		return err
	}
	err = role.Run(ctx)
	drain, cancel := context.WithTimeout(context.Background(), drainTime)
	defer cancel()
	c.people.endStreams()
	stop()
	wg.Wait()
	c.saveIndexes(drain)
	c.people.closeAll(drain)
	return err
}

func newCell(cfg Config, role *ipc.Role, log *slog.Logger) (*Cell, error) {
	for _, name := range []string{"gate", "keeper", "porter"} {
		if role.Line(name) == nil {
			return nil, errors.New("a cell was given no line to " + name)
		}
	}
	c := &Cell{cfg: cfg, log: log, people: newPeople(log), renders: newRenders(), lane: newLane(), porterLine: role.Line("porter"),
		porter: ipc.NewClient(role.Line("porter")), keeper: ipc.NewClient(role.Line("keeper")),
		counts: &counts{renderFailures: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "cofferdam_render_failures_total", Help: "HTML bodies that were shown as text because their render failed."})}}
	c.people.open = c.openAccount
	if line := role.Line("courier"); line != nil && cfg.PushKey != "" {
		c.courier, c.people.pushes = ipc.NewClient(line), c.newHub
	}
	return c, nil
}

func (c *Cell) collectors() []prometheus.Collector {
	gauge := func(name, help string, f func() int) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, func() float64 { return float64(f()) })
	}
	return []prometheus.Collector{c.counts.renderFailures,
		gauge("cofferdam_cell_people", "People in this cell.", func() int { n, _ := c.people.count(); return n }),
		gauge("cofferdam_cell_class_faults", "Faults of sealed classes that people in this cell did not acknowledge yet.", c.people.faults),
		gauge("cofferdam_cell_sessions", "Sessions in this cell.", func() int { _, n := c.people.count(); return n }),
	}
}

// Keys of a request's context: whose it is, and which session's.
type (
	personKey struct{}
	grantKey  struct{}
)

// gateHandler answers people's own requests.
func (c *Cell) gateHandler() (http.Handler, error) {
	jmapHandler, err := jmapserver.New(jmapserver.Config{
		Person: func(r *http.Request) (*jmapserver.Person, bool) {
			p, ok := r.Context().Value(personKey{}).(*person)
			if !ok {
				return nil, false
			}
			return p.viewOf(r.Context()), true
		},
		VAPIDKey: c.vapidKey(),
		BaseURL:  func(r *http.Request) string { return r.Header.Get(ipc.HeaderOrigin) },
		Streams:  func(r *http.Request) context.Context { return r.Context().Value(personKey{}).(*person).streams },
		Log:      c.log,
	})
	if err != nil {
		return nil, err
	}
	m := ipc.NewMux(c.log)
	m.Raw(ipc.CellJMAP, c.admit(func(w http.ResponseWriter, r *http.Request, _ *person) { jmapHandler.ServeHTTP(w, r) }))
	m.Raw("GET "+ipc.CellBody+"{email}/{$}", c.admit(c.serveBody))
	m.Raw("GET "+ipc.CellBody+"{email}/p/{blob}", c.admit(c.serveBody))
	return m, nil
}

// admit lets a request in whose capability is known. Anything else is 421 before
// a byte of the body is read. The request ends with its session, and with the
// person's time here.
func (c *Cell) admit(next func(http.ResponseWriter, *http.Request, *person)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithCancel(r.Context())
		defer cancel()
		g, err := c.people.find(r.Context(), r.Header.Get(ipc.HeaderCapability))
		var leave func()
		if err == nil {
			leave, err = c.people.enter(g, cancel)
		}
		switch {
		case ipc.CodeOf(err) == ipc.CodeUnknown:
			ipc.WriteError(w, err) // for gate
			return
		case err != nil:
			notYet(w, r)
			return
		}
		defer leave()
		p := g.person
		ctx = context.WithValue(context.WithValue(ctx, personKey{}, p), grantKey{}, g)
		over := p.ctx
		if strings.HasPrefix(r.URL.Path, "/jmap/eventsource") {
			over = p.streams
		}
		stop := context.AfterFunc(over, cancel)
		defer stop()
		next(w, r.WithContext(ctx), p)
	})
}

// notYet answers the person, in gate's words, while their account cannot be
// opened.
func notYet(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	if strings.HasPrefix(r.URL.Path, ipc.CellBody) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = io.WriteString(w, "Your mail is back in a moment. Open it again.\n") // the frame may be gone
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusServiceUnavailable)
	_, _ = io.WriteString(w, `{"type":"unavailable","detail":"Your mail is back in a moment. Nothing is lost.","retryAfter":1}`+"\n")
}
