# Answers the questions of the conformance protocol through UniFFI's Ruby bindings, one JSON line each.

require "json"
require "wswarden_uniffi"
require_relative "script"

OPS = %w[version reasons policy request script].freeze

def reasons
  rows = WswardenUniffi.reasons.map do |row|
    { name: row.name, number: row.number, http: row.http_status,
      close: { rfc: row.close_code_rfc, app: row.close_code_app }, retry: row.retry_advice }
  end
  { reasons: rows }
end

def policy(question)
  { ok: true, warnings: WswardenUniffi::Policy.from_json(JSON.generate(required(question, "policy"))).warnings }
rescue WswardenUniffi::WswardenError::Policy => error
  { ok: false, error: error.message }
end

def refusal(response)
  said = { accept: false, status: response.status, reason: response.reason, headers: headers_of(response) }
  said[:retry_after] = response.retry_after if response.retry_after
  said
end

def headers_of(response)
  response.headers.map { |header| [header.name, header.value.dup.force_encoding("UTF-8")] }
end

def request(question)
  guard = guard_of(question, 0)
  now = WswardenUniffi::Time.new(mono: number(question, "mono") || 0, unix: (number(question, "unix") || UNIX) * SECOND)
  registry = WswardenUniffi::Registry.new(guard, now.mono)
  admitted = registry.open(asked(required(question, "request")), now)
  if admitted.wait? && question["identity"]
    answer = WswardenUniffi::Answer::IDENTITY.new(identity: identity(question["identity"]))
    admitted = registry.provide(admitted.handle, answer, now)
  end
  return refusal(admitted.response) if admitted.refused?
  return need_of(admitted.need) if admitted.wait?

  { accept: true, status: admitted.response.status, headers: headers_of(admitted.response) }
end

def answer(question)
  raise Wrong, "a question is an object" unless question.is_a?(Hash)

  case text(question, "op")
  when "version" then { version: WswardenUniffi.version, language: "ruby", ops: OPS }
  when "reasons" then reasons
  when "policy" then policy(question)
  when "request" then request(question)
  when "script" then { steps: Script.new(question).steps }
  else { unsupported: "UniFFI has no call that asks this" }
  end
end

$stdin.each_line do |line|
  question = nil
  begin
    question = JSON.parse(line)
    said = answer(question)
  rescue StandardError => error
    said = { error: error.message }
  end
  said[:id] = question.is_a?(Hash) ? question["id"] : nil
  puts JSON.generate(said)
  $stdout.flush
end
