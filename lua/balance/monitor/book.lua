-- SPDX-License-Identifier: MIT
--- The states of a monitor's accounts in its store.
--
-- This process has a copy of each. It stands in while the store fails, and is
-- written back where the store has lost its own. Of two states of an account
-- the one with more rounds counts, with the samples of both. Who changes a
-- state has its lock, so that nothing of another process is overwritten; a store
-- with transactions, which are `atomically(body)`, needs none.
-- @module balance.monitor.book

local ask = require "balance.store.ask"
local core = require "balance.core"
local failure = require "balance.failure"
local histories = require "balance.monitor.history"
local schema = require "balance.schema"
local states = require "balance.monitor.state"

local _M = {}

local prefix = "balance:monitor:"
local lock_time = 10 -- seconds after which a lock counts as left behind
local patience, pause = 2, 0.01 -- seconds to wait for one

local has_transactions = schema.object("a store", { "atomically" })

local Book = {}
Book.__index = Book

-- Keeps what is wrong, of the reading or of the writing.
local function note(book, kind, problem)
  book[kind .. "_problem"] = failure.clean(problem, {})
end

--- Calls a method of the store, and keeps its error as a problem.
-- @return as of `balance.store.ask`
function Book:ask(method, key, ...)
  local away = self.away -- why there is no transaction
  if away and (method ~= "get" or away:find "locked") then
    return nil, away -- else each call would wait once more
  end
  local value, err = ask(self.store, method, prefix .. key, ...)
  if err and err ~= "exists" then
    note(self, method == "get" and "read" or "write", "the store: " .. err)
  end
  return value, err
end

local function not_ours(name)
  return ("what the store has of account '%s' is no state, or a newer"
    .. " version's; it stays as it is"):format(name)
end

--- The state of an account, to be read, or changed within `change`.
-- @tparam string name
-- @treturn table
-- @treturn boolean whether the store has it
-- @treturn boolean whether it may be written
function Book:read(name)
  local kept = self.kept[name]
  local text, err = self:ask("get", "state:" .. name)
  if text == nil then
    return kept and kept.state or states.new(), false, not err
  elseif kept and kept.text == text then
    return kept.state, true, true
  end
  local state = states.decode(text)
  if not state then
    note(self, "read", not_ours(name))
    return kept and kept.state or states.new(), false, false
  end
  local is_newest = true
  if kept and kept.state.revision >= state.revision then
    is_newest = kept.state.revision == state.revision
    local newer, other = state, kept.state
    if not is_newest then
      newer, other = other, newer
    end
    local history = histories.merge(newer.history, other.history)
    is_newest = is_newest and history == newer.history
    newer.history, state = history, newer
  end
  self.kept[name] = { text = is_newest and text or nil, state = state }
  return state, is_newest, true
end

function Book:write(name, state, may_write)
  local text, problem = states.encode(state)
  if not text then
    note(self, "write", ("the state of account '%s' cannot be stored: %s")
      :format(name, problem))
  elseif may_write
    and not self:ask("set", "state:" .. name, text) then
    text = nil -- what the store has is an older one
  end
  self.kept[name] = { text = text, state = state }
end

-- Returns whether there is a lock to be removed.
function Book:lock(name)
  local deadline = core.now() + patience
  repeat
    local got, err = self:ask("add", "lock:" .. name, "1", lock_time)
    if got or err ~= "exists" then
      return got
    end
    self.sleep(pause)
  until core.now() >= deadline
end

-- Calls a function as one transaction of the store; where that cannot begin,
-- without one, and without the store.
local function transact(book, body)
  local ok, err, called = book.store:atomically(body)
  if not ok then
    note(book, "write", "the store: " .. err)
    for _, kept in pairs(called and book.kept or {}) do
      kept.text = nil -- what the store has is an older one
    end
  end
  if not ok and not called then
    book.away = err
    body()
  end
end

--- Changes several states at once, where the store has transactions.
-- @tparam function body calls `change`; it must not wait
function Book:together(body)
  if not self.has_transactions or self.is_together then
    return body()
  end
  self.is_together = true
  local ok, problem = pcall(transact, self, body)
  self.is_together, self.away = nil, nil
  if not ok then
    error(problem, 0)
  end
end

--- Changes the state of an account.
-- @tparam string name
-- @tparam function body gets the state
function Book:change(name, body)
  if self.has_transactions and not self.is_together then
    return self:together(function() self:change(name, body) end)
  end
  local is_locked = not self.is_together and self:lock(name)
  local state, _, may_write = self:read(name)
  body(state)
  self:write(name, state, may_write)
  if is_locked then
    self:ask("delete", "lock:" .. name)
  end
end

--- Reads the states of accounts, and writes back those that the store has
-- lost.
-- @tparam {string,...} names
function Book:compare(names)
  for _, name in ipairs(names) do
    local state, is_stored, may_write = self:read(name)
    if may_write and not is_stored and state.revision > 0 then
      self:change(name, function() end)
    end
  end
end

--- Takes the turn to make a round.
-- @tparam string key
-- @tparam number seconds for which nobody else gets it
-- @treturn ?boolean true; false: another one has it; nil: the store failed
function Book:take_turn(key, seconds)
  local got, err = self:ask("add", "turn:" .. key, "1", seconds)
  if got then
    return true
  elseif err == "exists" then
    return false
  end
end

--- Opens the book of a store.
-- @tparam table|userdata store
-- @tparam function sleep waits for some seconds
-- @treturn table `read_problem` and `write_problem`: the last ones with the
-- store, texts; the user sets them to nil before he reads, or makes a round
function _M.open(store, sleep)
  return setmetatable({
    store = store, sleep = sleep, kept = {},
    has_transactions = has_transactions(store, "it") ~= nil,
  }, Book)
end

return _M
