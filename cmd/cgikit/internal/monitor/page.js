"use strict";
(() => {
	const pause = 2000, shown = new Map();
	let timer = 0, busy = false;

	const find = id => document.getElementById(id);

	function makeBar(length) {
		const namespace = "http://www.w3.org/2000/svg", cell = document.createElement("td");
		const svg = document.createElementNS(namespace, "svg"), rect = document.createElementNS(namespace, "rect");
		svg.setAttribute("aria-hidden", "true");
		rect.setAttribute("width", length + "%");
		rect.setAttribute("height", "100%");
		svg.append(rect);
		cell.className = "bar";
		cell.append(svg);
		return cell;
	}

	function makeRow(row) {
		const tr = document.createElement("tr");
		tr.className = row.state ?? "";
		row.cells.forEach((text, i) => {
			const cell = document.createElement(i ? "td" : "th");
			if (!i) cell.scope = "row";
			cell.textContent = text;
			tr.append(cell);
		});
		if (row.bar != null) tr.append(makeBar(row.bar));
		return tr;
	}

	// show changes only what differs, so that a selection and a screen reader are not disturbed.
	function show(status) {
		find("state").className = status.state;
		for (const [id, text] of Object.entries(status.texts)) {
			const element = find(id);
			if (element && element.textContent != text) element.textContent = text;
		}
		for (const [id, path] of Object.entries(status.paths)) find(id)?.setAttribute("d", path);
		for (const [id, rows] of Object.entries(status.tables)) {
			const text = JSON.stringify(rows);
			if (shown.get(id) == text) continue;
			shown.set(id, text);
			find(id)?.replaceChildren(...rows.map(makeRow));
		}
	}

	function showSilence() {
		const headline = find("headline");
		if (headline.textContent == "No answer") return;
		find("state").className = "failing";
		headline.textContent = "No answer";
		find("reason").textContent = "from cgikit serve since " + new Date().toLocaleTimeString() + "; the figures below are older";
	}

	async function update() {
		if (busy) return;
		busy = true;
		try {
			const response = await fetch("status.json", {cache: "no-store", signal: AbortSignal.timeout(10000)});
			if (!response.ok) throw new Error(response.status);
			show(await response.json());
		} catch {
			showSilence();
		}
		busy = false;
		if (!document.hidden) timer = setTimeout(update, pause);
	}

	document.addEventListener("visibilitychange", () => {
		clearTimeout(timer);
		if (!document.hidden) update();
	});
	if (!document.hidden) timer = setTimeout(update, pause);
})();
