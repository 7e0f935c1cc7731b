-- SPDX-License-Identifier: MIT
--- Watches accounts: what is left over time, how fast it is used and when it
-- ends, and who is to be told.
--
-- A round asks all accounts, and takes their answers into their states
-- (`balance.monitor.account`), which are kept in a store
-- (`balance.monitor.book`). A snapshot is made of these; reports
-- (`balance.report`) turn it into text.
-- @module balance.monitor

local accounts = require "balance.monitor.account"
local balance = require "balance"
local books = require "balance.monitor.book"
local core = require "balance.core"
local delivery = require "balance.monitor.delivery"
local identity = require "balance.identity"
local loops = require "balance.loop"
local memory = require "balance.store.memory"
local settings = require "balance.monitor.settings"
local text = require "balance.text"
local turns = require "balance.monitor.turns"

local _M = {}

local default_every = 300 -- seconds

local Monitor = {}
Monitor.__index = Monitor
Monitor.__name = "balance.monitor"

-- The accounts of a round: those that are given, else those that had keys,
-- and those that have alarms.
local function names_of(self, ...)
  local is_there = {}
  for _, list in ipairs { self.settings.wanted, ... } do
    for key, value in pairs(list) do
      is_there[type(key) == "string" and key or value] = true
    end
  end
  return text.sorted(is_there)
end

-- Where no accounts are given, the store has the names of the last round.
local function stored_names(self)
  if self.settings.accounts then
    return names_of(self)
  end
  local stored = {}
  for name in (self.book:ask("get", "names") or ""):gmatch "%S+" do
    stored[name] = true
  end
  return names_of(self, stored)
end

-- The failure of an account that was not asked.
local function missing_key(self, name)
  return {
    kind = "config", message = "its keys are not found", retryable = false,
    provider = self.settings.of(name).provider,
  }
end

-- Takes what a round has of an account. Returns the events that are to be told.
local function take(self, name, result, failure)
  local own, now = self.settings.of(name), self.now()
  local due = {}
  self.book:change(name, function(state)
    local events = accounts.take(state, result, failure, own, now)
    state.revision = state.revision + 1
    delivery.add(state, events)
    if self.settings.notify then -- else somebody who shares the store has one
      due = delivery.take(name, state, own, now)
    end
  end)
  return due
end

local function deliver(self, name, due, deadline)
  if due[1] then
    local outcomes = delivery.tell(self.settings.notify, due, deadline)
    self.book:change(name, function(state)
      delivery.note(state, due, outcomes)
    end)
  end
end

--- Makes one round: asks all accounts at once, and tells `notify` of what has
-- changed. It waits as `balance.all` does. A failure of an account, of the store
-- or of `notify` does not end it: the snapshot has them.
function Monitor:refresh()
  local deadline = core.now() + self.every / 2
  self.book.read_problem, self.book.write_problem = nil, nil
  local results, failures = self.client.all(self.settings.accounts)
  local names, due = names_of(self, results, failures), {}
  self.book:together(function()
    if not self.settings.accounts then
      self.book:ask("set", "names", table.concat(names, " "))
    end
    for _, name in ipairs(names) do
      due[name] = take(self, name, results[name],
        failures[name] or not results[name] and missing_key(self, name) or nil)
    end
  end)
  for _, name in ipairs(names) do
    deliver(self, name, due[name], deadline)
  end
end

--- What is known of all accounts. It asks no service; it reads the store.
-- @treturn balance.Snapshot a new table; only the samples of a history are the
-- same until the next round, and must not be changed
function Monitor:snapshot()
  local now, shown = self.now(), {}
  self.book.read_problem = nil
  for i, name in ipairs(stored_names(self)) do
    shown[i] = accounts.show(name, (self.book:read(name)),
      self.settings.of(name), self.every, now)
  end
  return {
    version = 1, at = now, every = self.every, accounts = shown,
    problem = self.book.read_problem or self.book.write_problem,
  }
end

--- Makes rounds without end. Of all that share a store and watch the same
-- accounts, in whatever worker or machine, one makes the round; where it dies,
-- another one makes the next.
--
-- In nginx this returns at once: it is for `init_worker_by_lua`, and the rounds
-- are made in timers until the worker ends. Elsewhere it returns only where
-- `after` says so; a signal ends the program, and a round that was not written
-- yet is lost.
-- @tparam ?function after called with the monitor after each look at whose turn
-- it is, some four in each interval; where it returns false, `run` ends
-- @treturn ?boolean true; nil where nginx has no timer left
-- @treturn ?string then, why
-- @raise in `init_by_lua`, where nginx has no timers yet
function Monitor:run(after)
  local problem = turns.mistake()
  if problem then
    error("monitor:run: " .. problem, 2)
  end
  return turns.run(self, after)
end

--- Has a look whose turn it is, for `balance.monitor.turns`.
function Monitor:look()
  self.book.read_problem, self.book.write_problem = nil, nil
  local turn = self.book:take_turn(self.turn, self.every)
  if turn == nil then -- the store fails: on its own, once in an interval
    turn = core.now() - self.asked_at >= self.every
  end
  if turn then
    self.asked_at = core.now()
    self:refresh()
  else
    self.book:compare(stored_names(self))
  end
end

function Monitor.__tostring()
  return "balance monitor"
end

--- Makes a monitor.
-- @tparam ?balance.MonitorSettings given see `balance.types`
-- @treturn balance.Monitor
-- @raise for an unknown setting or one of the wrong type
function _M.new(given)
  local read, mistake = settings.read(given)
  if not read then
    error("balance.monitor: " .. mistake, 2)
  end
  local function sleep(seconds)
    local loop = loops.choose(read.of_client.loop)
    return (loop and loop.sleep or core.sleep)(seconds)
  end
  local every = read.every or default_every
  local self = setmetatable({
    settings = read, client = read.client or balance, every = every,
    sleep = sleep, now = read.now or core.time, asked_at = -math.huge,
    book = books.open(read.store or memory.new { max = 1e6 }, sleep),
  }, Monitor)
  self.turn = identity.of("monitor", read.accounts and names_of(self) or {})
    or "all" -- there is no memory for a digest
  return self
end

return _M
