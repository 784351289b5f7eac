// The type of a message, from the schema in the options.

/** What a message is that one schema describes: of zod, arktype or valibot, of TypeBox, or a JSON Schema. */
export type Infer<Schema> = Schema extends { readonly '~standard': { readonly types?: infer Types } }
  ? Exclude<Types, undefined> extends { readonly input: infer Input } ? Input : unknown
  : Schema extends { static: infer Static } ? Static
  : FromJsonSchema<Schema>

/** What a plain JSON Schema describes, as far as types can tell. */
export type FromJsonSchema<Schema> =
  Schema extends { readonly const: infer Value } ? Value
  : Schema extends { readonly enum: readonly (infer Value)[] } ? Value
  : Schema extends { readonly anyOf: readonly (infer One)[] } ? FromJsonSchema<One>
  : Schema extends { readonly oneOf: readonly (infer One)[] } ? FromJsonSchema<One>
  : Schema extends { readonly type: readonly (infer Type)[] } ? FromType<Type, Schema>
  : Schema extends { readonly type: infer Type } ? FromType<Type, Schema>
  : Schema extends { readonly properties: object } ? FromType<'object', Schema>
  : unknown

type FromType<Type, Schema> = Type extends 'string' ? string
  : Type extends 'number' | 'integer' ? number
  : Type extends 'boolean' ? boolean
  : Type extends 'null' ? null
  : Type extends 'array' ? (Schema extends { readonly items: infer Items } ? FromJsonSchema<Items>[] : unknown[])
  : Type extends 'object' ? FromObject<Schema>
  : unknown

type FromObject<Schema> = Schema extends { readonly properties: infer Properties }
  ? Flat<
      { -readonly [Key in keyof Properties as Key extends Required<Schema> ? Key : never]: FromJsonSchema<Properties[Key]> } &
      { -readonly [Key in keyof Properties as Key extends Required<Schema> ? never : Key]?: FromJsonSchema<Properties[Key]> }
    >
  : Record<string, unknown>

type Required<Schema> = Schema extends { readonly required: readonly (infer Name)[] } ? Name : never
type Flat<Type> = { [Key in keyof Type]: Type[Key] }

/** What the messages of a policy are. */
export type MessageOf<Options> = Options extends { readonly message: infer Message }
  ? Message extends { readonly schema: infer Schema } ? Infer<Schema>
  : Message extends { readonly types: infer Types } ? OfTypes<Types, Discriminator<Message>>
  : unknown
  : unknown

type Discriminator<Message> = Message extends { readonly discriminator: infer Name } ? Name : 'type'

type OfTypes<Types, Name> = {
  [Type in keyof Types]: Types[Type] extends { readonly schema: infer Schema }
    ? unknown extends Infer<Schema> ? Tagged<Name, Type> : Name extends keyof Infer<Schema> ? Infer<Schema> : Infer<Schema> & Tagged<Name, Type>
    : Tagged<Name, Type>
}[keyof Types]

type Tagged<Name, Type> = Name extends string ? { [Key in Name]: Type } : unknown
