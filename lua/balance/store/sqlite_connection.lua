-- SPDX-License-Identifier: MIT
--- A connection of `balance.store.sqlite`: questions and transactions that wait
-- for others.
-- @module balance.store.sqlite_connection

local core = require "balance.core"

local _M = {}

local application_id = 0x62616c61 -- "bala", in the file's head
local format = 1 -- the file's user_version
local patience = 5 -- seconds for others to finish
local pause = 0.004 -- seconds at most, from one try to the next

-- Does what may have to wait for others. SQLite itself would sleep longer with
-- each try, and those who came first would wait longest.
local function patiently(try, connection, sql)
  local deadline = core.now() + patience
  while true do
    local value, err = try(connection, sql)
    if value or not tostring(err):find "database is locked"
      or core.now() > deadline then
      return value, err
    end
    core.sleep(pause * (0.2 + 0.8 * core.random()))
  end
end

local function execute(connection, sql)
  return connection:execute(sql)
end

local function query(connection, sql)
  local cursor, err = connection:execute(sql)
  if not cursor then
    return nil, err
  end
  local row
  row, err = cursor:fetch({}, "n")
  cursor:close()
  return row or not err and {} or nil, err
end

--- Asks, and waits for others where it has to.
-- @tparam userdata connection
-- @tparam string sql
-- @treturn ?table the first row, as a list; an empty one where there is none; nil
-- where it failed
-- @treturn ?string then, why
function _M.ask(connection, sql)
  return patiently(query, connection, sql)
end

--- Calls a function in a transaction.
-- @tparam userdata connection
-- @tparam function body returns a value; or nil and why nothing is to change
-- @return the value; nil where nothing has changed
-- @treturn ?string then, why
-- @raise what `body` raised
function _M.transact(connection, body)
  local ok, err = patiently(execute, connection, "BEGIN IMMEDIATE")
  if not ok then
    return nil, err
  end
  local returned, value
  returned, value, err = pcall(body)
  ok = returned and value ~= nil
  if ok then
    ok, err = patiently(execute, connection, "COMMIT")
  end
  if not ok then
    connection:execute "ROLLBACK"
  end
  if not returned then
    error(value, 0)
  end
  return ok and value or nil, err
end

local questions = { "SELECT count(*) FROM sqlite_master",
  "PRAGMA application_id", "PRAGMA user_version", "PRAGMA quick_check(1)" }

-- What a file is: "ours" or "new"; nil and what is wrong. The tables are asked for
-- first: where there is one, the two numbers do not change any more. Where there is
-- none, somebody may make them, unless this is a transaction.
local function look(connection, is_transaction)
  local answers = {}
  for i, sql in ipairs(questions) do
    local row, err = _M.ask(connection, sql)
    if not row then
      return nil, err
    end
    answers[i] = row[1]
    if answers[1] == 0 and not is_transaction then
      return "new"
    end
  end
  local count, id, version, sound = answers[1], answers[2], answers[3],
    answers[4]
  if count == 0 and id == 0 and version == 0 then
    return "new"
  elseif id ~= application_id then
    return nil, "it is another program's"
  elseif version ~= format then
    return nil, "it is of a newer version"
  elseif sound ~= "ok" then
    return nil, tostring(sound)
  end
  return "ours"
end

local creation = {
  ("PRAGMA application_id = %d"):format(application_id),
  ("PRAGMA user_version = %d"):format(format),
  "CREATE TABLE entries (key BLOB PRIMARY KEY, value BLOB NOT NULL,"
    .. " expires REAL, lifetime REAL) WITHOUT ROWID",
}

-- Makes the table in a new file. Somebody else may have just done so.
local function create(connection)
  return _M.transact(connection, function()
    local found, err = look(connection, true)
    for _, sql in ipairs(found == "new" and creation or {}) do
      if found then
        found, err = connection:execute(sql)
      end
    end
    return found or nil, err
  end)
end

--- Makes a file that was just opened ready: a new one becomes a store. Only then
-- its journal is made a write-ahead log: with a rollback journal, of fifty at once
-- the last would wait for more than a second. Where that cannot be, as on a file
-- that may only be read, the journal stays as it is.
-- @tparam userdata connection
-- @treturn ?boolean true; nil where it is no store
-- @treturn ?string then, what is wrong with it
function _M.prepare(connection)
  local found, err = look(connection)
  if found == "new" then
    found, err = create(connection)
  end
  if not found then
    return nil, err
  end
  local journal = _M.ask(connection, "PRAGMA journal_mode = WAL")
  if journal and journal[1] == "wal" then
    local ok
    ok, err = connection:execute "PRAGMA synchronous = NORMAL"
    return ok and true, err
  end
  return true
end

return _M
