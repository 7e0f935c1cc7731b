-- SPDX-License-Identifier: MIT
-- Calls whose answer does not arrive as it should, by a fault of the server or
-- of somebody in between. What a complete answer says is in answers_*_spec.
local failing = require "support.failing"
local faults = require "support.faults"
local process = require "support.process"

-- A right answer.
local right = '{"code":200,"status":200000,"data":{"credits":6.66,'
  .. '"balance":6.66},"Response":{"Balance":6.66}}'

local ok = "HTTP/1.1 200 OK\r\n"
local chunked = ok .. "Transfer-Encoding: chunked\r\n\r\n"
local last = "0\r\n\r\n"

local unpack = rawget(table, "unpack") or rawget(_G, "unpack")

local function length(value)
  return "Content-Length: " .. value .. "\r\n"
end

local function chunk(body, size)
  return (size or ("%x"):format(#body)) .. "\r\n" .. body .. "\r\n"
end

-- Gigabytes in a few kilobytes. The innermost layer has only empty blocks, so
-- that unpacking it never returns a byte.
local function layers_of_gzip()
  local packed = process.run [[{ printf '\037\213\010\0\0\0\0\0\0\003';
    yes 12345 | tr -d '\n' | tr 12345 '\000\000\000\377\377' |
    head -c 10000000; } | gzip -9 | gzip -9]]
  return ok .. "Transfer-Encoding: gzip, gzip, chunked\r\n\r\n"
    .. chunk(packed) .. last
end

-- Messages of the module. libcurl's own differ from version to version, and
-- are checked only as failing.check checks all.
local any = "%a"
local cut_off = "^the connection was closed before the answer was complete$"
local coded = "^the answer is in a transfer coding that nobody asked for$"
local long_body = "^the answer's body is longer than 1 MiB$"
local long_headers = "^the answer's headers are too long$"

local function with_length(value, status)
  return (status or "HTTP/1.1 200 OK") .. "\r\n" .. length(value) .. "\r\n"
end

-- On a slow machine there may be no time left to ask again.
local soon = { timeout = 0.1, retries = 0 }

-- Each: a description, the fault, its bytes, the kind of the failure (by port
-- where it differs), a pattern for its message, and the status, if one came.
local cases = {
  { "a reset before the answer", "say-and-reset", "", "network", any },
  { "a reset in the status", "say-and-reset", "HTTP/1.1 200 O",
    "network", any },
  { "a reset in the headers", "say-and-reset", ok .. "X-A: b",
    "network", any, 200 },
  { "a reset after the headers", "say-and-reset", with_length(#right),
    "network", any, 200 },
  { "a reset in the body", "say-and-reset",
    with_length(#right) .. right:sub(1, 9), "network", any, 200 },

  { "a close before the answer", "closed", "", "network", any },
  { "a close in a header", "say-and-close", ok .. "Content-Type: appl",
    "network", cut_off, 200 },
  { "a close between headers", "say-and-close",
    ok .. "Content-Type: application/json\r\n", "network", cut_off, 200 },
  { "a close after an interim answer", "say-and-close",
    "HTTP/1.1 100 Continue\r\n\r\n" .. ok .. "X: y\r\n",
    "network", cut_off, 200 },
  { "a body shorter than its length", "say-and-close",
    with_length(#right + 1) .. right, "network", any, 200 },
  { "a body without a length, cut", "say-and-close",
    ok .. "\r\n" .. right:sub(1, -2), "decode", "not the JSON", 200 },
  { "a body without a length, cut by anyone", "say-and-cut",
    ok .. "\r\n" .. right:sub(1, -2), { plain = "decode", tls = "network" },
    any, 200 },
  { "a close in a chunk", "say-and-close", chunked .. chunk(right):sub(1, -5),
    "network", any, 200 },
  { "chunks without the last", "say-and-close", chunked .. chunk(right),
    "network", any, 200 },

  { "a chunk's size that is no number", "say",
    chunked .. chunk(right, "pigs") .. last, "network", any, 200 },
  { "a chunk's size below zero", "say",
    chunked .. chunk(right, "-2") .. last, "network", any, 200 },
  { "a chunk without a size", "say",
    chunked .. chunk(right, "") .. last, "network", any, 200 },
  { "a chunk's size beyond all numbers", "say",
    chunked .. chunk(right, ("F"):rep(17)) .. last,
    "network", any, 200 },
  { "a chunk's size that is too small", "say",
    chunked .. chunk(right, "2") .. last, "network", any, 200 },
  { "a chunk's size that is too big", "say",
    chunked .. chunk(right, ("%x"):format(#right + 3)) .. last,
    "network", any, 200 },

  { "two lengths, the first one right", "say",
    ok .. length(#right) .. length(#right - 1) .. "\r\n" .. right,
    "network", any, 200 },
  { "two lengths, the second one right", "say",
    ok .. length(#right + 1) .. length(#right) .. "\r\n" .. right,
    "network", any, 200 },
  { "two lengths in one", "say",
    with_length(#right .. ", " .. #right + 1) .. right,
    "network", any, 200 },
  { "a length beyond all numbers", "say", with_length(("9"):rep(30)) .. right,
    "network", any, 200 },
  { "a length below zero", "say", with_length(-1) .. right,
    "network", any, 200 },

  { "a transfer in gzip", "say",
    ok .. "transfer-encoding:gzip, chunked\r\n\r\n" .. chunk "\31\139"
      .. last, "network", coded, 200 },
  { "a transfer in layers of gzip", "say", layers_of_gzip,
    "network", coded, 200 },
  { "a transfer in something unknown", "say",
    ok .. "Transfer-Encoding: x-y\r\n\r\n" .. right,
    "network", any, 200 },

  { "a body without an end", "say-for-ever", ok .. "\r\n\0 ",
    "too_large", long_body, 200 },
  { "a body of chunks without an end", "say-for-ever",
    chunked .. "\0" .. chunk((" "):rep(500)), "too_large", long_body, 200 },
  { "headers without an end", "say-for-ever",
    ok .. "\0X-More: " .. ("x"):rep(1000) .. "\r\n",
    "too_large", long_headers, 200 },
  { "a header without an end", "say-for-ever", ok .. "X-Long: \0x",
    "too_large", long_headers, 200 },
  { "trailers without an end", "say-for-ever",
    chunked .. "0\r\n\0X-More: " .. ("x"):rep(1000) .. "\r\n",
    "too_large", long_headers, 200 },
  { "interim answers without an end", "say-for-ever",
    "\0HTTP/1.1 100 Continue\r\n\r\n", "too_large", long_headers },
  { "a chunk's extension without an end", "say-for-ever",
    chunked .. "1;\0x", "timeout", any },
  { "empty lines without an end", "say-for-ever", "\0\r\n",
    "network", any },

  { "a greeting that is not HTTP", "say", "220 mail.example.com ESMTP\r\n",
    "network", any },
  { "a version from the future", "say",
    with_length(#right, "HTTP/9.9 200 OK") .. right, "network", any },
  { "an answer without a status", "say",
    with_length(#right, "HTTP/200 OK") .. right, "network", any },
  { "a status of four digits", "say",
    with_length(#right, "HTTP/1.1 2000 OK") .. right, "network", any },
  { "a status of four digits that libcurl takes", "say",
    with_length(#right, "HTTP/2 2000 OK") .. right, "network", any },
  { "a status of two digits", "say",
    with_length(#right, "HTTP/2 20 OK") .. right, "network", any },
  { "a status of two digits and a letter", "say",
    with_length(#right, "HTTP/1.1 20O OK") .. right, "network", any },
  { "a status that begins with 0", "say",
    with_length(#right, "HTTP/1.1 020 OK") .. right, "network", any },
  { "a status without a blank after it", "say",
    with_length(#right, "HTTP/1.1 200OK") .. right, "network", any },
  { "a status without a blank before it", "say",
    with_length(#right, "HTTP/1.1200 OK") .. right, "network", any },
  { "a version of HTTP/1 that there is not", "say",
    with_length(#right, "HTTP/1.2 200 OK") .. right, "network", any },
  { "HTTP/2 where HTTP/1.1 was agreed on", "say",
    with_length(#right, "HTTP/2 200 OK") .. right, "network", any },
  { "a carriage return in the status", "say",
    with_length(#right, "HTTP/1.1 200 O\rK") .. right, "network", any },
  { "another protocol from here on", "say",
    with_length(#right, "HTTP/1.1 101 Switching") .. right, "network", any },
  { "announcements and no answer", "say-and-close",
    "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\n",
    "network", any },

  -- Some libcurl take these for an answer, and some do not.
  { "a carriage return in a header", "say",
    ok .. "X: a\rb\r\n" .. length(#right) .. "\r\n" .. right,
    "network", any, 200 },
  { "a head that ends in a carriage return", "say-and-close",
    ok .. "\r", "network", any },
  { "headers that begin with a second line", "say",
    ok .. " X: a\r\n" .. length(#right) .. "\r\n" .. right,
    "network", any, 200 },
  { "a length in two lines", "say",
    with_length(#right .. "\r\n 0") .. right, "network", any, 200 },
  { "a transfer coding in two lines", "say",
    ok .. "Transfer-Encoding: chunked\r\n\tgzip\r\n\r\n" .. chunk(right)
      .. last, "network", any, 200 },
  { "a trailer that begins with a second line", "say",
    chunked .. chunk(right) .. "0\r\n X: a\r\n\r\n",
    "network", any, 200 },
  { "a status behind the body", "say",
    "HTTP/1.1 401 No\r\nTransfer-Encoding: chunked\r\n\r\n" .. chunk(right)
      .. "0\r\nHTTP/1.1 200 OK\r\n\r\n", "network", any, 401 },
  { "a trailer of many kilobytes", "say",
    chunked .. chunk(right) .. "0\r\nX: " .. ("x"):rep(5000) .. "\r\n\r\n",
    "network", any, 200 },
  { "a transfer in no coding at all", "say",
    ok .. "Transfer-Encoding: identity\r\n" .. length(#right) .. "\r\n"
      .. right, "network", coded, 200 },

  { "a header without a colon", "say",
    ok .. "Content-Type\r\n" .. length(#right) .. "\r\n" .. right,
    "network", any, 200 },
  { "a NUL in a header", "say",
    ok .. "X: a\0b\r\n" .. length(#right) .. "\r\n" .. right,
    "network", any, 200 },

  { "silence", "silent", "", "timeout", any },
  { "a byte now and then", "drip", "", "timeout", any },
}

-- Unusual answers that are no faults.
local fine = {
  { "HTTP/1.0", "say-and-close", "HTTP/1.0 200 OK\r\n\r\n" .. right },
  { "HTTP/1.0 with a length", "say",
    with_length(#right, "HTTP/1.0 200 OK") .. right },
  { "the same length twice", "say",
    ok .. length(#right) .. length(#right) .. "\r\n" .. right },
  { "a status without words", "say",
    with_length(#right, "HTTP/1.1 200") .. right },
  { "interim answers", "say", "HTTP/1.1 100 Continue\r\n\r\n"
    .. "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"
    .. with_length(#right) .. right },
  { "chunks with extensions and trailers", "say", chunked
    .. chunk(right, ("%x;a=b"):format(#right)) .. "0\r\nX-After: 1\r\n\r\n" },
  { "a header in two lines", "say",
    ok .. "X: a\r\n b\r\n" .. length(#right) .. "\r\n" .. right },
  { "a length, and no more than that before it is cut off", "say-and-cut",
    with_length(#right) .. right },
  { "chunks, the last one too, and then a cut", "say-and-cut",
    chunked .. chunk(right) .. last },
  { "lines that end with a line feed alone", "say",
    with_length(#right):gsub("\r", "") .. right },
}

local function takes(client, provider)
  local result, err = client[provider]()
  assert.is_nil(err)
  assert.equal(1, result.attempts)
  return result.available
end

for port, description in pairs { plain = "in clear text", tls = "over TLS" } do
  describe("a call " .. description .. " #transport", function()
    before_each(failing.without_pauses)
    after_each(failing.with_pauses)

    for _, case in ipairs(cases) do
      local name, fault, bytes, kind, says, status = unpack(case, 1, 6)
      kind = type(kind) == "table" and kind[port] or kind
      it("fails with kind " .. kind .. ": " .. name, function()
        failing.all_fail(failing.client(port), { fault = fault,
          bytes = type(bytes) == "function" and bytes() or bytes,
          kind = kind, says = says, status = status,
          options = kind == "timeout" and soon or nil,
          attempts = kind == "timeout" and 1 or nil })
      end)
    end

    for _, case in ipairs(fine) do
      it("takes " .. case[1], function()
        local client = failing.client(port)
        faults.choose(case[2], case[3])
        for _, provider in ipairs(failing.providers) do
          assert.equal(6.66, takes(client, provider))
        end
      end)
    end

    -- libcurl 7.88 takes bytes that wait on a kept connection for the answer
    -- to the next request: a balance of somebody else.
    for _, fault in ipairs { "second-answer", "late-408", "second-in-record",
      "idle-close" } do
      it("is not slipped what another left behind: " .. fault, function()
        local client = failing.client(port)
        for _, provider in ipairs { "udio", "tencent", "udio", "tempolor" } do
          faults.choose(fault) -- waits until the fault before is over
          assert.not_equal(6.66, takes(client, provider))
        end
      end)
    end

    for _, status in ipairs { 204, 205, 304 } do
      it("is not slipped a body that " .. status .. " may not have", function()
        local client = failing.client(port)
        for _, provider in ipairs(failing.providers) do
          failing.fails(client, provider, { kind = "http", status = status,
            message = "HTTP status " .. status .. " without a readable answer",
            bytes = with_length(#right, "HTTP/1.1 " .. status .. " X") .. right
              .. with_length(#right) .. right })
        end
      end)
    end

    for status, ending in pairs { [204] = "", [304] = "",
      [205] = length(0) } do
      it("fails with kind http where " .. status .. " has no body", function()
        failing.all_fail(failing.client(port), { kind = "http",
          message = "HTTP status " .. status .. " without a readable answer",
          status = status,
          bytes = "HTTP/1.1 " .. status .. " X\r\n" .. ending .. "\r\n" })
      end)
    end

    it("is sent nowhere else, and neither is its key", function()
      local client = failing.client(port)
      local strays = faults.choose "none"
      for _, status in ipairs { 301, 302, 303, 307, 308 } do
        for _, target in ipairs { "http://127.0.0.1:", "https://localhost:",
          "//localhost:" } do
          failing.all_fail(client, { kind = "http", status = status,
            message = "HTTP status " .. status .. " without a readable answer",
            bytes = "HTTP/1.1 " .. status .. " X\r\nLocation: " .. target
              .. faults.ports.elsewhere .. "/\r\nContent-Length: 0\r\n\r\n",
          })
        end
      end
      assert.equal(strays, faults.choose "none")
    end)
  end)
end

describe("a call over HTTP/2 #transport", function()
  before_each(failing.without_pauses)
  after_each(failing.with_pauses)

  for _, case in ipairs {
    { "the server says goodbye", "h2-goaway" },
    { "the server wants calm", "h2-goaway-calm" },
    { "its stream is reset", "h2-reset" },
    { "its stream is refused", "h2-refused" },
    { "its stream is reset in the body", "h2-reset-in-body" },
    { "the connection is closed in the body", "h2-close-in-body" },
    { "the length of the body is wrong", "h2-wrong-length" },
    { "the headers have no end", "h2-endless-headers" },
    { "it is asked for a sign of life for ever", "h2-endless-pings" },
    { "the answer is HTTP/1.1", "h2-garbage" },
  } do
    it("fails with kind network where " .. case[1], function()
      failing.all_fail(failing.client "http2",
        { fault = case[2], kind = "network" })
    end)
  end

  it("fails with kind too_large where the body has no end", function()
    failing.all_fail(failing.client "http2", { fault = "h2-endless-body",
      kind = "too_large", says = long_body, status = 200 })
  end)

  it("takes an answer that comes with a goodbye", function()
    local client = failing.client "http2"
    for _, fault in ipairs { "h2-goaway-then-answer", "h2-goaway-after" } do
      faults.choose(fault)
      for _ = 1, 2 do -- the second time after a close_notify
        for _, provider in ipairs(failing.providers) do
          takes(client, provider)
        end
      end
    end
  end)
end)
