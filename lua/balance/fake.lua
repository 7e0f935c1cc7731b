-- SPDX-License-Identifier: MIT
--- A client for tests of one's own. It asks no service: it is told what each
-- account answers. All else is a real client's: the service's document is read
-- by its provider, and a failure is made by `balance.attempt`.
--
-- The module is the function itself, and `require "balance"` does not load it.
-- @module balance.fake

local attempt = require "balance.attempt"
local clients = require "balance.client"
local core = require "balance.core"
local failures = require "balance.failure"
local options = require "balance.options"
local safe = require "cjson.safe"
local schema = require "balance.schema"
local spelling = require "balance.spelling"
local text = require "balance.text"

local providers = clients.providers

local request_id = "the-fake-request" -- of the services that send one

-- The services' documents, around the fields of an account.
local documents = {
  tempolor = function(fields)
    return { status = 200000, message = "success", request_id = request_id,
      data = fields }
  end,
  udio = function(fields)
    return { code = 200, message = "success", data = fields }
  end,
  tencent = function(fields)
    fields.RequestId = fields.RequestId or request_id
    return { Response = fields }
  end,
}

-- What is answered -------------------------------------------------------------

local encoder = core.in_plain_locale(safe.new)

-- Whether lua-cjson, which writes 14 digits, has enough for each number.
local function is_exact(value)
  if type(value) == "number" then
    return tonumber(("%.14g"):format(value)) == value
  end
  for _, item in next, type(value) == "table" and value or {} do
    if not is_exact(item) then
      return false
    end
  end
  return true
end

local function read_body(body, what)
  if type(body) == "string" then
    return body
  end
  local written, problem = core.in_plain_locale(encoder.encode, body)
  if written and not is_exact(body) then -- it has an end: it was written
    problem = "a number has more than 14 digits, give the body as text"
  end
  return not problem and written or nil, problem and what .. ": " .. problem
end

-- By their names in lower case, as a transfer has them.
local function read_headers(headers, what)
  local read = {}
  for name, value in pairs(headers) do
    if type(value) == "number" then
      value = text.of_number(value)
    end
    if type(name) ~= "string" or type(value) ~= "string" then
      return nil, what .. " must have strings by their names"
    end
    read[text.lower(name)] = value
  end
  return read
end

local function read_kind(kind)
  if failures.kinds[kind] == nil then
    return nil, spelling.unknown("kind", kind, failures.kinds)
  end
  return kind
end

local status = { "number", min = 200, max = 599, whole = true,
  range = "a whole number from %d to %d" }

local failure_fields = {
  kind = { "string", read = read_kind }, message = { "string" },
  code = { "string number" }, status = status, request_id = { "string" },
  retryable = { "boolean" }, hint = { "string" },
  retry_after = { "number", min = 0, max = 86400,
    range = "a number from %d to %d" },
}

local function read_failure(given)
  local failure, mistake = schema.read("failure field", given, failure_fields)
  if failure and not failure.kind then
    return nil, "a failure must have a 'kind'"
  elseif failure then
    failure.message = failure.message or "made by balance.fake"
  end
  return failure, mistake
end

local of_function = { answer = { "function" } }

local of_failure = { failure = { "table", read = read_failure } }

local of_answer = {
  status = status, body = { "string table", read = read_body },
  headers = { "table", read = read_headers },
}

-- What is answered: a `failure`, or a `status`, a `body` and `headers`. Nil and
-- the mistake where it is neither.
local function read_answer(provider, given)
  if given.failure ~= nil then
    return schema.read("answer field", given, of_failure)
  elseif not (given.status or given.body or given.headers) then
    local document = documents[provider.name]
    if not document then
      return nil, "only the built-in services' fields can be given alone: "
        .. "give a status and a body"
    end
    given = { body = document(given) }
  end
  local answer, mistake = schema.read("answer field", given, of_answer)
  if answer then
    answer.status, answer.body = answer.status or 200, answer.body or ""
    answer.headers = answer.headers or {}
  end
  return answer, mistake
end

-- The accounts -----------------------------------------------------------------

local function read_account(name, given)
  local own = type(given) == "function" and { answer = given } or given
  if type(own) ~= "table" then
    return nil, "an answer must be a table or a function, not a "
      .. type(given)
  end
  own = schema.copy(own, { provider = true })
  local provider_name = own.provider == nil and name or own.provider
  local provider = providers[provider_name]
  if not provider then
    return nil, spelling.unknown("provider", provider_name, providers)
  end
  own.provider = nil
  local answer, mistake
  if type(own.answer) == "function" then
    answer, mistake = schema.read("answer field", own, of_function)
  else
    answer, mistake = read_answer(provider, own)
  end
  return answer and { name = name, provider = provider, options = {},
    answer = answer }, mistake
end

-- Returns the accounts as a list and by name; or nil and the mistake.
local function read_accounts(given)
  if type(given) ~= "table" then
    return nil, "answers must be a table, not a " .. type(given)
  end
  local list, by_name = {}, {}
  for name, own in pairs(given) do
    local account, mistake = read_account(name, own)
    if not account then
      return nil, tostring(name) .. ": " .. mistake
    end
    list[#list + 1], by_name[name] = account, account
  end
  return list, by_name
end

local function find(by_name, provider, name)
  local account = name ~= nil and by_name[name]
  if not account or account.provider ~= provider then
    account = by_name[provider.name]
  end
  return account and account.provider == provider and account or nil
end

local count = 0 -- of keys, each of which is another account's

-- Adds keys, unless there are some.
local function add_keys(own, provider)
  local keys = {}
  count = count + 1
  for _, credential in ipairs(provider.credentials) do
    local name = credential.name
    if own[name] ~= nil or own.credentials then
      return
    elseif not credential.optional then
      keys[name] = ("k3Y0f%dFakeAccount"):format(count)
    end
  end
  for name, key in pairs(keys) do
    own[name] = key
  end
end

-- The settings, with what makes a test depend on nothing else: keys, an
-- endpoint that a cache tells from other clients', and no pauses.
local function complete(settings, list)
  settings.retries = settings.retries or 0
  if settings.rate == nil then
    settings.rate = false
  end
  for _, account in ipairs(list) do
    local provider = account.provider
    local own = settings[provider.name] or {}
    add_keys(own, provider)
    own.endpoint = own.endpoint or ("https://%d.fake.invalid"):format(count)
    settings[provider.name] = own
    if account.name ~= provider.name then
      add_keys(account.options, provider)
    end
  end
  return settings
end

-- Answering --------------------------------------------------------------------

-- What the caller's function answers to a call. Its mistake is raised where it
-- stands.
local function ask_function(account, call)
  local ask = account.answer.answer
  local given = ask(core.copy(call.given))
  local answer, mistake
  if type(given) == "table" then
    answer, mistake = read_answer(account.provider, core.copy(given))
  else
    mistake = "the function returned a " .. type(given) .. ", not an answer"
  end
  if not answer then
    local info = debug.getinfo(ask, "S")
    error(("%s:%d: balance.fake: %s: %s"):format(info.short_src,
      info.linedefined, tostring(account.name), mistake), 0)
  end
  return answer
end

local function new_timing()
  return { dns = 0, connect = 0, tls = 0, first_byte = 0, total = 0 }
end

-- What `balance.attempt` needs of a transfer.
local function new_transfer(answer)
  return {
    result = function()
      return { status = answer.status, body = answer.body, reused = false,
        timing = new_timing() }
    end,
    header = function(_, name) return answer.headers[name] end,
  }
end

-- An attempt in place of the real one.
local function new_attempt(by_name)
  return function(call, endpoint)
    local account = find(by_name, call.provider, call.account)
    local answer = account.answer
    if answer.answer then
      answer = ask_function(account, call)
    end
    if not answer.failure then
      return attempt.conclude(call, endpoint, new_transfer(answer), {})
    end
    local outcome = attempt.conclude(call, endpoint, nil, {},
      core.copy(answer.failure))
    outcome.endpoint, outcome.is_unsent = endpoint, false
    outcome.status = answer.failure.status
    outcome.timing, outcome.reused = new_timing(), false
    return outcome
  end
end

--- Makes a client that asks nobody.
-- @function fake
-- @tparam {[string]=balance.FakeAnswer} answers by the accounts' names: a
-- service's own fields; a `failure`; a `status`, `body` and `headers`; or a
-- function that gets a call's options and returns one of these. A call looks
-- for its account's name, then for its provider's
-- @tparam ?balance.Settings settings as of `balance.new`; `retries` is 0 and
-- `rate` false unless they are there
-- @treturn balance.Client
-- @raise for a mistake in an answer or a setting; so does a call of this
-- client to an account without an answer
return function(answers, settings)
  local read, mistake = options.read_settings(providers, settings)
  local list, by_name
  if read then
    list, by_name = read_accounts(answers)
    mistake = not list and by_name
  end
  if mistake then
    error("balance.fake: " .. mistake, 2)
  end
  return clients.new(complete(read, list), {
    attempt = new_attempt(by_name),
    accounts = list,
    mistake = function(provider, name)
      return not find(by_name, provider, name)
        and ("balance.fake has no answer of '%s'"):format(provider.name)
        or nil
    end,
  })
end
