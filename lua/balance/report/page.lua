-- SPDX-License-Identifier: MIT
--- A snapshot as one HTML page: a table, and a line for each account. It has no
-- script and loads nothing; its Content-Security-Policy allows its own style
-- alone.
-- @module balance.report.page

local chart = require "balance.report.chart"
local clean = require("balance.failure").clean
local core = require "balance.core"
local style = require "balance.report.style"
local words = require "balance.report.words"

local _M = {}

local escapes = { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;",
  ['"'] = "&quot;", ["'"] = "&#39;" }

local function escape(text)
  return ((clean(text, {}) or ""):gsub("[&<>\"']", escapes))
end

-- The digest of the style in base64.
local digest = core.base64((core.digest(style):gsub("%x%x", function(pair)
  return string.char(tonumber(pair, 16))
end)))

local policy = ("default-src 'none'; style-src 'sha256-%s'"):format(digest)

-- A header can say more than the page itself.
local policy_of_header = policy
  .. "; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

local head = table.concat {
  '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n',
  '<meta http-equiv="Content-Security-Policy" content="', policy, '">\n',
  '<meta name="viewport" content="width=device-width,initial-scale=1">\n',
  '<meta name="robots" content="noindex">\n',
  '<meta name="color-scheme" content="light dark">\n',
  "<title>Balances</title>\n<style>", style, "</style>\n</head>\n<body>\n",
  "<main>\n<h1>Balances</h1>\n",
}

-- A state's class, and its shape: colour alone says nothing to some.
local looks = {
  ok = { "ok", "●" }, low = { "low", "▼" }, ["empty soon"] = { "soon", "◆" },
  unknown = { "unknown", "?" }, refused = { "refused", "✕" },
}

local function time_of(at)
  local time = words.time(at)
  return ('<time datetime="%s">%s</time>'):format(time,
    time:gsub("T", " "):sub(1, 16))
end

local function cell(label, content, class)
  return ('<td role="cell" data-label="%s"%s>%s</td>\n'):format(label,
    class and (' class="%s"'):format(class) or "",
    "<span>" .. content .. "</span>")
end

local function state_of(account)
  local look = looks[account.state]
  return ('<span aria-hidden="true">%s </span>%s%s'):format(look[2],
    escape(account.state), account.is_stale and account.available
      and ", stale" or ""), look[1] .. " state"
end

local columns = { "account", "left", "per day", "empty in", "as of (UTC)",
  "state" }

local function row_of(account, number)
  local left = account.available and words.phrase(account, account.available)
    or "unknown"
  local per_day = words.per_day(account) or "–"
  return table.concat {
    '<tr role="row">\n<th role="rowheader" scope="row">',
    ('<a href="#account-%d"><bdi>%s</bdi></a>'):format(number,
      escape(account.name)),
    account.provider ~= account.name and ("<small>%s</small>"):format(
      escape(account.provider or "")) or "",
    "</th>\n",
    cell("left", escape(left), "number"),
    cell("per day", escape(per_day), "number"),
    cell("empty in", escape(words.outlook(account)), "number"),
    cell("as of (UTC)", account.fetched_at and time_of(account.fetched_at)
      or "never"),
    cell("state", state_of(account)),
    "</tr>\n",
  }
end

local function write_table(parts, accounts)
  parts[#parts + 1] = '<table role="table">\n<caption>What is left</caption>\n'
    .. '<thead role="rowgroup">\n<tr role="row">\n'
  for i, name in ipairs(columns) do
    parts[#parts + 1] = ('<th role="columnheader" scope="col"%s>%s</th>\n')
      :format(i >= 2 and i <= 4 and ' class="number"' or "", name)
  end
  parts[#parts + 1] = '</tr>\n</thead>\n<tbody role="rowgroup">\n'
  for i, account in ipairs(accounts) do
    parts[#parts + 1] = row_of(account, i)
  end
  parts[#parts + 1] = "</tbody>\n</table>\n"
end

-- What went wrong with an account.
local function write_notes(parts, account)
  local failure = account.failure
  if failure then
    parts[#parts + 1] = ('<p class="problem">%s: <bdi>%s</bdi></p>\n'):format(
      escape(failure.kind), escape(failure.message))
    parts[#parts + 1] = failure.hint
      and ("<p>%s</p>\n"):format(escape(failure.hint)) or nil
  end
  for _, event in ipairs(account.undelivered) do
    parts[#parts + 1] = ('<p class="problem">nobody was told of “%s”: <bdi>%s'
      .. "</bdi></p>\n"):format(escape(event.event),
      escape(event.message))
  end
end

local function write_account(parts, account, number, now)
  local name = escape(account.name)
  parts[#parts + 1] = ('<section aria-labelledby="account-%d">\n<h2'
    .. ' id="account-%d"><bdi>%s</bdi></h2>\n'):format(number, number, name)
  write_notes(parts, account)
  local picture, said = chart.draw(account, now, "chart-" .. number, name,
    escape)
  if picture then
    parts[#parts + 1] = ('<figure>\n%s\n<div class="ends soft"'
      .. ' aria-hidden="true"><span>7 days ago</span><span>now</span></div>\n'
      .. '<figcaption class="soft">%s</figcaption>\n</figure>\n'):format(
      picture, escape(said))
  else
    parts[#parts + 1] = '<p class="soft">nothing is known of the last 7 days'
      .. "</p>\n"
  end
  parts[#parts + 1] = "</section>\n"
end

--- Writes the page.
-- @tparam balance.Snapshot snapshot
-- @treturn string HTML, in UTF-8
-- @treturn string the value of the header Content-Security-Policy
function _M.write(snapshot)
  local parts = { head }
  parts[2] = ('<p class="soft">Seen %s UTC; each account is asked every %s.'
    .. "</p>\n"):format(time_of(snapshot.at), words.duration(snapshot.every))
  if snapshot.problem then
    parts[3] = ('<p class="problem">%s</p>\n'):format(escape(snapshot.problem))
  end
  if snapshot.accounts[1] then
    write_table(parts, snapshot.accounts)
  else
    parts[#parts + 1] = "<p>No account is watched.</p>\n"
  end
  for i, account in ipairs(snapshot.accounts) do
    write_account(parts, account, i, snapshot.at)
  end
  parts[#parts + 1] = "</main>\n</body>\n</html>\n"
  return table.concat(parts), policy_of_header
end

return _M
