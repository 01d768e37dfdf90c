package demo

import (
	"fmt"
	"strings"
	"time"
)

const day = 24 * time.Hour

// sampleSeries makes the mail that comes in numbers: a mailing list, newsletters,
// notices, junk.
func sampleSeries() []thread {
	var out []thread
	out = append(out, listThreads()...)
	out = append(out, newsletters()...)
	out = append(out, notices()...)
	return append(out, unwanted()...)
}

// listHeaders mark mail of a mailing list (RFC 2369, RFC 2919).
func listHeaders() []string {
	return []string{
		"List-Id: Lighthouse Keepers <keepers.lists.example>", "List-Post: <mailto:keepers@lists.example>",
		"List-Archive: <https://lists.example/keepers/>", "List-Unsubscribe: <mailto:keepers-leave@lists.example>",
		"Precedence: list", "Sender: keepers-bounces@lists.example",
	}
}

// listThreads are discussions; each line of a topic is one post.
func listThreads() []thread {
	writers := []string{"borg", "macleod", "okafor", "tanaka", "ruiz"}
	var out []thread
	for n, topic := range listTopics() {
		var t thread
		for i, text := range topic.posts {
			l := letter{
				from: writers[(n+i*2+i/3)%len(writers)], to: []string{"keepers"}, subject: "[keepers] " + topic.subject,
				ago:  time.Duration(topic.days)*day - time.Duration(i)*topic.pace,
				text: text + "\n", folder: "Lists/Lighthouse Keepers", headers: listHeaders(), only: residents[:],
				quote: i%3 == 2, flowed: i%4 == 1,
			}
			// Both residents take part.
			switch {
			case i%9 == 4:
				l.from, l.headers = "grace", nil
			case i%11 == 7:
				l.from, l.headers = "ada", nil
			}
			t = append(t, l)
		}
		out = append(out, t)
	}
	return out
}

type listTopic struct {
	subject string
	days    int
	pace    time.Duration
	posts   []string
}

func listTopics() []listTopic {
	return []listTopic{
		{"Which way does your foghorn point?", 58, 7 * time.Hour, foghorn()},
		{"Gulls and the galley window", 36, 9 * time.Hour, []string{
			"They have learned to knock. Three times, with a pause, like the postman. Does anybody have a gull-proof latch?",
			"We painted an owl on the shutter. They perch on the owl.",
			"Ours only knock when there is herring. I suggest not having herring.",
			"I suggest not having a galley. We eat on the gallery, facing them. It is about respect.",
			"A magnetic latch worked at our dome, until one of them found out about levers.",
			"Update: I have begun to knock back. There is now a conversation, and I fear I have agreed to something.",
		}},
		{"Best biscuit for a twelve-hour watch", 21, 5 * time.Hour, []string{
			"It must survive a pocket, a ladder and tea. Ginger nuts survive everything, including the keeper's teeth.",
			"Rice crackers. They make a noise when you fall asleep on them.",
			"Alfajores, and you share them with the supply boat, and the supply boat comes earlier next time. This is called logistics.",
			"Oatcakes. They were here before the rock and will be here after it.",
			"I measured: the digestive loses 40 per cent of its strength four seconds after the tea. The ginger nut lasts nineteen.",
			"Nineteen! I withdraw the oatcake from the dipping class and enter it as a structural material.",
			"Nobody has mentioned cheese. I am a little worried about all of you.",
		}},
		{"New lamp: what to do with the old one?", 12, 8 * time.Hour, []string{
			"The LED array arrives on Monday. The old 1,000 watt lamp has been with us for thirty years and knows everything.",
			"Ours lights the vegetable garden in winter. The leeks think they live in Spain.",
			"Please do not throw it away. Send it to the museum at Skerry Point, they pay the postage and write a thank-you card to the lamp.",
			"If you keep it, keep it dark for a week first. They sulk.",
			"It went to the museum. The card said: \"Dear lamp, welcome home.\" I had something in my eye, probably salt.",
		}},
		{"Agenda for the spring meeting", 5, 6 * time.Hour, []string{
			"Proposed: 1. minutes, 2. the foghorn question (again), 3. biscuits, 4. election of a treasurer who can swim.",
			"Can we take item 3 before item 2? It keeps people in the room.",
			"Seconded. Also I would like to add: 5. is it a lighthouse if nobody has seen it for a year because of the fog?",
			"That is item 2.",
			"I can show the new sky-brightness maps, ten minutes, with pictures of your lights from above. Some of you look very good.",
		}},
	}
}

// foghorn is the long thread that every list has.
func foghorn() []string {
	return []string{
		"A visitor asked why our foghorn points at the mountain. I had no answer. Which way does yours point, and does anybody know why?",
		"North-west, because the man who installed it in 1931 was told \"towards the weather\".",
		"Ours points straight up. We believe it was delivered upside down.",
		"At the pub. There was a petition.",
		"Sound bends downwards when the air above is warmer than the sea, so on a foggy day it hardly matters. Point it where it annoys the fewest people.",
		"It matters to the people it annoys.",
		"I turned ours by ten degrees last year. Within a week, four letters: two for, two against, one of them from the same person.",
		"A bell needs no direction, as those of us with bells keep telling you.",
		"A bell needs somebody to ring it, as those of us with foghorns keep answering.",
		"Misaki has had two horns since 1955, at right angles, in B flat and D. Ships say they feel welcome.",
		"B flat and D! Now I want a third one for the chord. Who has an F?",
		"Stormpoint has an F, a little sharp since the frost.",
		"If we sounded them at the same time, where would the chord be? Somewhere in the North Sea?",
		"With the speed of sound at four degrees, 331 metres a second and a bit, and the three positions on the chart: near the buoy of Little Dogger, in about nine minutes, for two seconds. I would like to be there.",
		"I know a skipper who would take us. He asks whether there will be biscuits.",
		"Can we please get back to the question. Mine points at the mountain. The mountain answers. I have started to rely on it.",
		"Then leave it. An echo you know is better than a direction you do not.",
		"This belongs in the minutes.",
		"I make it a clock: horn, echo, 5.8 seconds. If it ever takes longer, either the mountain has moved or it is a very warm day.",
		"It took 5.9 on Sunday. It was a warm day. I looked at the mountain for a while, all the same.",
		"So: the direction is whatever was easiest in 1931, the reason has been made up since, and everybody is fond of it. Like most things.",
		"I propose to close the thread.",
		"Seconded. On the horn: two long, one short.",
		"Heard it. At least I think that was you. It may have been the pub.",
	}
}

// newsletters are HTML mail with tables, an image inside and remote images.
func newsletters() []thread {
	var out []thread
	items := tideItems()
	tideLogo, fromageLogo := picture("tide"), picture("fromager")
	for i := range 10 {
		issue := 214 - i
		picked := []string{items[i%len(items)], items[(i*5+3)%len(items)], items[(i*7+6)%len(items)]}
		out = append(out, thread{newsletter("tide", fmt.Sprintf("The Tide Table, no. %d", issue), picked, i, "en", tideLogo)})
	}
	fromages := fromageItems()
	for i := range 6 {
		picked := []string{fromages[i%len(fromages)], fromages[(i+3)%len(fromages)]}
		out = append(out, thread{newsletter("fromager", fmt.Sprintf("Le Petit Fromager : la lettre n° %d", 48-i), picked, i, "fr", fromageLogo)})
	}
	return out
}

func tideItems() []string {
	return []string{
		"High water of the week|Saturday, 06:41, with a moon to match. Bring boots and a thermos; leave the white trousers.",
		"Lost and found|One oar, one accordion, one left boot (again). The owner of the boots is kindly asked to come and be looked at.",
		"From the kitchen|Kelp crisps: dry, salt, regret nothing.",
		"Knot of the month|The Kettlewick hitch. It holds everything except opinions.",
		"Letters|A reader writes that our moon was printed upside down. It was taken from Australia. We apologise to both.",
		"Under the pier|The hermit crabs have exchanged shells. The process took four days and involved a queue.",
		"Weather, in brief|Some.",
		"Small ads|Swap: one barometer, pessimistic, for one barometer, any other mood.",
		"History corner|In 1899 the ferry left early. People still talk about it.",
	}
}

func fromageItems() []string {
	return []string{
		"Le fromage du mois|Un bleu timide qui gagne à être connu. À ouvrir sur le balcon.",
		"Accord parfait|La tomme et la pomme : la rime n'est pas un hasard.",
		"Courrier|« Mon camembert s'est échappé. » Laissez la porte ouverte, il reviendra.",
		"Le conseil de Lucette|Ne discutez jamais avec un roquefort. Il a le temps.",
		"La cave|Il y fait douze degrés et il s'y passe des choses.",
	}
}

func newsletter(from, subject string, items []string, n int, lang string, logo []byte) letter {
	host := strings.SplitN(correspondents()[from].address, "@", 2)[1]
	cid := fmt.Sprintf("logo-%d@%s", n, host)
	var rows, text strings.Builder
	for i, item := range items {
		title, body, _ := strings.Cut(item, "|")
		fmt.Fprintf(&text, "%s\n%s\n\n", strings.ToUpper(title), body)
		fmt.Fprintf(&rows, `<tr><td width="96" valign="top"><img src="https://img.%s/%d/%d.jpg" width="88" height="66" alt="%s"></td>`+
			`<td style="padding: 8px 0 18px 12px"><h2 style="margin:0 0 4px; font: bold 17px Georgia">%s</h2>`+
			`<p style="margin:0; font: 15px/1.5 Georgia; color:#333">%s</p></td></tr>`+"\n", host, n, i, title, title, body)
	}
	page := fmt.Sprintf(`<!DOCTYPE html>
<html lang="%s"><head><style>h1 { font: bold 28px Georgia; color: #0b4f6c } @media (max-width: 500px) { h1 { font-size: 22px } }</style></head>
<body bgcolor="#eef3f5" style="margin:0"><table role="presentation" width="100%%"><tr><td align="center">
<table role="presentation" width="560" bgcolor="#ffffff" cellpadding="24"><tr><td>
<img src="cid:%s" width="160" height="100" alt="%s"><h1>%s</h1>
<table role="presentation" cellspacing="0" cellpadding="0">%s</table>
<p style="font: 12px Verdana; color:#777">You get this because you asked for it. <a href="https://%s/unsubscribe?n=%d">Unsubscribe</a></p>
<img src="https://track.%s/open.gif?issue=%d" width="1" height="1" alt="">
</td></tr></table></td></tr></table></body></html>
`, lang, cid, host, subject, rows.String(), host, n, host, n)
	return letter{
		from: from, to: residents[:], subject: subject, ago: time.Duration(n)*7*day + 30*time.Hour, text: text.String(), html: page,
		inline: map[string][]byte{cid: logo}, folder: "Newsletters",
		headers: []string{
			"List-Id: <letter." + host + ">", fmt.Sprintf("List-Unsubscribe: <https://%s/unsubscribe?n=%d>", host, n),
			"List-Unsubscribe-Post: List-Unsubscribe=One-Click", "Precedence: bulk",
		},
	}
}

// notices are what machines write.
func notices() []thread {
	var out []thread
	books := []string{"A Field Guide to Harbour Bells", "Moons, and How to Keep Them", "Rust: A Love Story", "Sundials for Cloudy Countries", "The Patient Escapement", "Lenses I Have Dropped"}
	for i, b := range books {
		out = append(out, notice("library", residents[i%2], "Due next week: "+b, time.Duration(i*13+3)*day,
			"Dear reader,\n\n\""+b+"\" is due back next week. Nobody else is waiting for it, except perhaps the shelf.\n\nKettlewick Library\n"))
	}
	for i, what := range []string{"een horlogeveer", "zes lenzen", "een doos thee", "een kleine koepelmotor", "een bel (breekbaar, luid)"} {
		out = append(out, notice("pakket", residents[i%2], "Uw pakket is onderweg", time.Duration(i*11+1)*day,
			fmt.Sprintf("Uw pakket (%s) komt vandaag tussen 9 en 18 uur. Of morgen. De bezorger heet Joris en houdt van honden.\n\nNummer: 3SKW%07d\n", what, hashOf(what)%10000000)))
	}
	for i, way := range []string{"Kettlewick – Lübeck", "Lübeck – Kettlewick", "Kettlewick – Grenoble"} {
		l := notice("bahn", residents[0], "Ihre Fahrkarte: "+way, time.Duration(i*17+6)*day,
			"Guten Tag,\n\nim Anhang finden Sie Ihre Fahrkarte "+way+". Bitte zeigen Sie sie vor, am besten mit einem Lächeln.\n\nIhre Küstenbahn\n")
		l[0].attach = []string{fmt.Sprintf("pdf:fahrkarte-%d.pdf", i+1)}
		out = append(out, l)
	}
	for i := range 4 {
		l := notice("taller", residents[0], fmt.Sprintf("Recibo n.º %d", 1040-i), time.Duration(i*30+8)*day,
			"Estimada clienta:\n\nAdjuntamos el recibo de este mes. Los tornillos van por cuenta de la casa.\n\nTaller del Reloj\n")
		l[0].attach = []string{fmt.Sprintf("pdf:recibo-%d.pdf", 1040-i)}
		out = append(out, l)
	}
	for i := range 12 {
		state, word := "green", "passes"
		if i%4 == 1 {
			state, word = "red", "fails"
		}
		out = append(out, notice("builds", residents[1], fmt.Sprintf("[dome-control] build %d is %s", 388-i, state), time.Duration(i*2)*day+5*time.Hour,
			fmt.Sprintf("dome-control, revision %08x, %s in %d s.\n\n  TestSlitOpens ........ ok\n  TestSlitCloses ....... ok\n  TestPigeon ........... %s\n",
				hashOf(fmt.Sprint(i)), word, 40+i*3, map[string]string{"green": "ok", "red": "FAIL (pigeon present)"}[state])))
	}
	return out
}

func notice(from, to, subject string, ago time.Duration, text string) thread {
	return thread{{from: from, to: []string{to}, subject: subject, ago: ago, text: text, headers: []string{"Auto-Submitted: auto-generated"}}}
}

// unwanted is a phishing mail in the inbox, junk, and what was thrown away.
func unwanted() []thread {
	phish := letter{
		from: "crook", to: residents[:], subject: "Your mailbox is almost full: act now", ago: 13 * time.Hour, unread: true,
		headers: []string{"Reply-To: \"Mail Security\" <helpdesk-4711@quickform.example>"},
		text:    "Dear user,\n\nyour mailbox will be closed in 12 hours. Confirm your password here:\nhttps://mail.cofferdam.test/confirm\n",
		html: `<html><body style="font-family: Arial"><h2 style="color:#b00020">Your mailbox is almost full</h2>
<p>Dear user, your mailbox will be closed in <b>12 hours</b>. Please confirm your password:</p>
<p><a href="https://cofferdarn-login.example/confirm?u=you">https://mail.cofferdam.test/confirm</a></p>
<form action="https://cofferdarn-login.example/post"><input name="password" type="password" placeholder="Password"><button>Confirm</button></form>
<script>document.title = "You should never see this"</script>
<img src="https://cofferdarn-login.example/seen.gif?u=you" width="1" height="1"></body></html>
`,
	}
	out := []thread{{phish}}
	for i, offer := range []string{
		"A watch for each wrist, and one for the ankle", "Your inheritance from an uncle you did not have", "Tick. Tock. SALE.",
		"I am a prince with a cash-flow problem", "Congratulations, you have won a second lighthouse", "Re: Re: Re: your invoice (not a trap)",
		"Lose ten kilos of mail in a week", "URGENT business regarding forty tons of figs",
	} {
		from := [...]string{"watches", "prince"}[i%2]
		l := letter{from: from, to: residents[:], subject: offer, ago: time.Duration(i*3+1)*day + 2*time.Hour, folder: "Junk", unread: i < 3}
		l.text = offer + "!\n\nThis offer is only for you, and for everybody else. Answer today, with your bank details and your shoe size.\n"
		l.html = "<html><body><h1 style=\"font-size:48px;color:red\">" + offer + "!</h1><p><a href=\"https://" +
			"fortune.example/go\">CLICK</a></p><img src=\"https://fortune.example/banner.gif\"></body></html>\n"
		out = append(out, thread{l})
	}
	for i, old := range []string{"Lunch today?", "Lunch yesterday", "Has anybody seen the key of the boat shed?", "Found it"} {
		out = append(out, thread{{
			from: "tom", to: residents[:], subject: old, ago: time.Duration(9-i)*day + 3*time.Hour, folder: "Trash",
			text: "See subject.\n\nTom\n",
		}})
	}
	return out
}
